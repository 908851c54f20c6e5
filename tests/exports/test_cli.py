"""`countersign audit export` as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from app.audit.cli import register
from tests.audit.made import fill
from tests.exports import strangers
from tests.exports.made import VKEY


@pytest.fixture
async def log(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    return url


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["audit", "export", "--log", "acme", "--key", VKEY.encode(), *arguments])


def test_a_log_is_exported_and_verifies(log: str, tmp_path: Path) -> None:
    to = tmp_path / "export"
    ran = run("--database", log, "--to", str(to))
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert f"{to}: 20 records of log acme, " in ran.stdout
    assert strangers.python(to).returncode == 0


def test_machines_get_json(log: str, tmp_path: Path) -> None:
    ran = run("--database", log, "--to", str(tmp_path / "acme.tar.gz"), "--resource", "release/1", "--json")
    found = json.loads(ran.stdout)
    assert (found["log"], found["size"], found["records"]) == ("acme", 20, 5)


def test_nothing_is_written_over(log: str, tmp_path: Path) -> None:
    ran = run("--database", log, "--to", str(tmp_path))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "expected nothing at" in ran.stderr


def test_an_altered_log_exits_with_1_and_says_where(log: str, tmp_path: Path) -> None:
    strangers.tamper(tmp_path / "log.db", "UPDATE records SET body = x'7b7d' WHERE seq = 7")
    ran = run("--database", log, "--to", str(tmp_path / "export"))
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "record 7 of log acme" in ran.stderr


def test_a_log_that_is_not_there_exits_with_1(log: str, tmp_path: Path) -> None:
    ran = run("--database", log, "--to", str(tmp_path / "export"), "--log", "nobody")
    assert (ran.exit_code, "expected a log nobody" in ran.stderr) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--since", "yesterday"),
        ("--format", "xml"),
        ("--key", "rubbish"),
        ("--event", "no.event"),
        ("--resource", "a*"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(log: str, tmp_path: Path, arguments: tuple[str, str]) -> None:
    assert run("--database", log, "--to", str(tmp_path / "export"), *arguments).exit_code == 2


@pytest.mark.parametrize("command", [("proof", "8"), ("checkpoint", "--since", "6")])
def test_a_proof_that_would_not_verify_is_not_printed(log: str, tmp_path: Path, command: tuple[str, ...]) -> None:
    strangers.tamper(tmp_path / "log.db", "UPDATE records SET leaf = zeroblob(32) WHERE seq = 7")
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    ran = CliRunner().invoke(app, ["audit", *command, "--log", "acme", "--database", log])
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "the root that was signed" in ran.stderr
