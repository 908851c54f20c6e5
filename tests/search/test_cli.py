"""`audit list`: what it prints, for people and for machines, and what a script can rely on."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from app.audit.cli import register
from manifests import record
from tests.db.opened import opened
from tests.search.made import AT, SEQUENCER, draft, indexed, stage


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["audit", *arguments])


@pytest.fixture
async def log(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, SEQUENCER) as database:
        await stage(database, [draft(AT + number, actor=f"a{number % 2}") for number in range(20)])
        await stage(database, [draft(AT + 20, actor="\x1b[31mred\n::set-output")])
        await stage(database, [draft(AT, actor="s")], "system")
        await indexed(database, 12)
    return url


def numbers(result: Result) -> list[int]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["seq"] for line in result.stdout.splitlines()]


@pytest.mark.parametrize("name", ["list", "search"])
def test_machines_get_the_exact_bytes(log: str, name: str) -> None:
    result = run(name, "--database", log, "--json", "--limit", "3")
    assert numbers(result) == [20, 19, 18]
    assert [record.parse(line.encode()).seq for line in result.stdout.splitlines()] == [20, 19, 18]
    assert "--before 18" in result.stderr


def test_filters_and_pages(log: str) -> None:
    assert numbers(run("list", "--database", log, "--json", "--actor", "a1", "--before", "6")) == [5, 3, 1]
    since = "2026-09-21T14:13:20.000018Z"
    assert numbers(run("list", "--database", log, "--json", "--since", since, "--actor", "a0")) == [18]
    assert numbers(run("list", "--database", log, "--json", "--outcome", "none")) == []
    assert numbers(run("list", "--database", log, "--json", "--log", "system", "--actor", "s")) == [0]


def test_people_get_a_table_that_cannot_speak_to_their_terminal(log: str) -> None:
    result = run("list", "--database", log, "--limit", "2")
    assert result.exit_code == 0
    assert "2026-09-21T14:13:20Z" in result.stdout
    assert "verdict.recorded" in result.stdout
    assert "\x1b[31m" not in result.stdout
    assert "\n::" not in result.stdout
    assert "2 records." in result.stderr


def test_without_a_single_tenant_the_log_is_asked_for(tmp_path: Path, log: str) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("INSERT INTO log_heads SELECT 'other', size, frontier, last_at FROM log_heads LIMIT 1")
        connection.commit()
    result = run("list", "--database", log)
    assert result.exit_code == 2
    assert "--log with one of acme, other, system" in result.stderr


@pytest.mark.parametrize("command", [("list",), ("index",), ("index", "--apply")])
def test_a_log_that_is_not_there_is_a_usage_error_and_no_empty_answer(log: str, command: tuple[str, ...]) -> None:
    result = run(*command, "--database", log, "--log", "acne")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected --log with one of acme, system, found acne" in result.stderr


def test_an_event_that_does_not_exist_is_answered_with_those_it_resembles(log: str) -> None:
    assert "such as grant.recorded" in " ".join(
        run("list", "--database", log, "--event", "grant.recordet").stderr.split()
    )


@pytest.mark.parametrize("arguments", [("--since", "yesterday"), ("--event", "x"), ("--resource", "a*")])
def test_what_cannot_be_asked_is_a_usage_error(log: str, arguments: tuple[str, str]) -> None:
    result = run("list", "--database", log, *arguments)
    assert result.exit_code == 2
    assert "expected" in result.stderr


def test_an_altered_record_is_told_and_nothing_is_printed(tmp_path: Path, log: str) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("DROP TRIGGER records_no_update")
        connection.execute("UPDATE records SET at = 1 WHERE seq = 9")
        connection.commit()
    result = run("list", "--database", log)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "record 9 of log acme" in result.stderr


def test_an_index_that_differs_is_told_and_made_anew(tmp_path: Path, log: str) -> None:
    assert run("index", "--database", log).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("DELETE FROM record_index WHERE log = 'acme' AND seq = 9")
        connection.commit()
    result = run("index", "--database", log, "--log", "acme")
    assert result.exit_code == 1
    assert "record 9 of log acme: expected a row in the search index, found none" in result.stdout
    assert run("index", "--database", log, "--log", "system").exit_code == 0
    assert run("index", "--database", log, "--apply").exit_code == 0
    assert run("index", "--database", log).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        assert connection.execute("SELECT size FROM record_index_heads ORDER BY log").fetchall() == [(21,), (1,)]
