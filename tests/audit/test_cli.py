"""The audit commands: what they print, and the exit code that a script relies on."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from app.audit.cli import register
from app.db.database import DatabaseUnavailableError
from manifests import merkle
from manifests.note import VerifierKey
from tests.audit.made import KEY, fill
from tests.verification import test_blobs as blobs
from tests.verification.test_tampering import ALTERED, body, tamper

VKEY = VerifierKey("countersign.dev/log/acme", KEY.public).encode()


@pytest.fixture
async def log(tmp_path: Path) -> str:
    """The address of a log of twenty records."""
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    return url


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["audit", *arguments])


def test_a_log_that_is_right_exits_with_0(log: str) -> None:
    result = run("verify", "--database", log, "--key", VKEY)
    assert result.exit_code == 0
    assert "acme: 20 records, 4 checkpoints" in result.stdout
    assert "Nothing is wrong." in result.stdout


def test_an_altered_log_exits_with_1_and_names_the_record_and_the_remedy(log: str, tmp_path: Path) -> None:
    tamper(tmp_path / "log.db", body(7, *ALTERED))
    result = run("verify", "--database", log, "--key", VKEY)
    assert result.exit_code == 1
    assert "record 7 of log acme: body altered" in result.stdout
    assert "→ Keep a copy of the database" in result.stdout


def test_machines_get_json(log: str, tmp_path: Path) -> None:
    tamper(tmp_path / "log.db", body(7, *ALTERED))
    result = run("verify", "--database", log, "--key", VKEY, "--json", "--thorough")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["exit_code"], found["ok"]) == (1, 1, False)
    assert found["report"]["thorough"] is True
    assert [(item["code"], item["seq"]) for item in found["report"]["findings"]] == [("audit.body_altered", 7)]


def test_without_any_key_it_cannot_find_out(log: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("verify", "--database", log)
    assert result.exit_code == 3
    assert "who signed it is unknown" in result.stdout


@pytest.mark.parametrize("form", ["vkey", "openssh", "pem"])
def test_a_key_may_be_given_in_any_form_or_in_a_file(log: str, tmp_path: Path, form: str) -> None:
    text = {"vkey": VKEY, "openssh": KEY.public.to_openssh(), "pem": KEY.public.to_pem().decode()}[form]
    (tmp_path / "key").write_text(text + "\n")
    for given in (text, str(tmp_path / "key")):
        assert run("verify", "--database", log, "--key", given).exit_code == 0


def test_what_is_no_key_is_a_usage_error(log: str) -> None:
    for given in ("rubbish", "no.vkey", "a+b+c", "ssh-ed25519 AAAA"):
        assert run("verify", "--database", log, "--key", given).exit_code == 2
    assert "a file with one, found 'no.vkey'" in " ".join(
        run("verify", "--database", log, "--key", "no.vkey").stderr.replace("│", " ").split()
    )


def test_a_checkpoint_kept_elsewhere_shows_a_rollback(log: str, tmp_path: Path) -> None:
    kept = run("checkpoint", "--database", log, "--log", "acme")
    assert kept.exit_code == 0
    (tmp_path / "kept.txt").write_text(kept.stdout)
    arguments = ("verify", "--database", log, "--key", VKEY, "--checkpoint", str(tmp_path / "kept.txt"))
    assert run(*arguments).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        for table in ("records", "checkpoints"):
            connection.execute(f"DROP TRIGGER {table}_no_delete")
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM log_heads")
        connection.execute("DELETE FROM trace_heads")
        connection.commit()
    result = run(*arguments)
    assert result.exit_code == 1
    assert "rolled back: kept.txt vouches for 20 records" in result.stdout


def test_a_proof_and_its_record_are_written(log: str, tmp_path: Path) -> None:
    result = run("proof", "7", "--database", log, "--log", "acme", "--record", str(tmp_path / "record.json"))
    assert result.exit_code == 0
    assert result.stdout.startswith("c2sp.org/tlog-proof@v1\nindex 7\n")
    written = (tmp_path / "record.json").read_bytes()
    assert json.loads(written)["seq"] == 7
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        (leaf,) = connection.execute("SELECT leaf FROM records WHERE seq = 7").fetchone()
    assert merkle.leaf_hash(written) == leaf


def test_a_record_that_is_not_there_has_no_proof(log: str) -> None:
    result = run("proof", "20", "--database", log, "--log", "acme")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "has 20, numbered from 0; found 20" in result.stderr
    assert "Check the log's name" in result.stderr


def test_a_record_that_was_removed_is_no_number_out_of_range(log: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("DROP TRIGGER records_no_delete")
        connection.execute("DELETE FROM records WHERE seq = 7")
        connection.commit()
    result = run("proof", "7", "--database", log, "--log", "acme")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "record 7 of log acme: expected one of the 20 records that were signed, found none" in result.stderr


def test_a_log_is_proven_to_begin_as_it_was(log: str) -> None:
    result = run("checkpoint", "--database", log, "--log", "acme", "--since", "5")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["old"], found["new"]) == (0, 5, 20)
    assert run("checkpoint", "--database", log, "--log", "acme", "--since", "21").exit_code == 1


def test_an_empty_log_has_no_checkpoint(log: str) -> None:
    assert run("checkpoint", "--database", log, "--log", "other").exit_code == 1


def test_a_database_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    result = run("verify", "--database", f"sqlite:///{tmp_path}/none.db", "--key", VKEY)
    assert isinstance(result.exception, DatabaseUnavailableError)


async def test_the_blobs_are_read_unless_told_otherwise(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await blobs.fill(url, without=blobs.VERDICT)
    read = await asyncio.to_thread(run, "verify", "--database", url, "--key", VKEY)
    assert (read.exit_code, "blobs: 6 read" in read.stdout) == (1, True)
    assert "decision/merge (record 0 of log acme): expected its verdict" in read.stdout
    unread = await asyncio.to_thread(run, "verify", "--database", url, "--key", VKEY, "--no-blobs")
    assert (unread.exit_code, "blobs:" in unread.stdout) == (0, False)


def test_only_new_records_or_a_sample_are_read_when_asked(log: str) -> None:
    for way, says in (
        (("--incremental",), "acme: 20 records, 4 checkpoints"),
        (("--sample", "5"), "sample: 5 records"),
    ):
        result = run("verify", "--database", log, "--key", VKEY, *way)
        assert result.exit_code == 0
        assert says in result.stdout


def test_segments_are_hashed_when_asked(log: str, tmp_path: Path) -> None:
    (tmp_path / "worm").mkdir()
    result = run("verify", "--database", log, "--log", "acme", "--segments", str(tmp_path / "worm"))
    assert (result.exit_code, "found none" in result.stdout) == (3, True)


def test_one_way_of_verifying_at_a_time(log: str, tmp_path: Path) -> None:
    assert run("verify", "--database", log, "--full", "--sample", "5").exit_code == 2
    assert run("verify", "--database", log, "--sample", "5", "--checkpoint", str(tmp_path / "log.db")).exit_code == 2
