"""`countersign backup` and `countersign restore`, with the service running and without."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.backup import notices
from app.cli import exits
from app.cli.main import app
from manifests import record
from tests.audit.made import AT
from tests.backup.made import fill, found, service


def run(folder: Path, *arguments: str) -> Result:
    environment = {
        "COUNTERSIGN_DATABASE__URL": f"sqlite:///{folder}/a.db",
        "COUNTERSIGN_KEYS__DIRECTORY": str(folder / "keys"),
        "COUNTERSIGN_BACKUP__DIRECTORY": str(folder / "daily"),
    }
    return CliRunner().invoke(app, list(arguments), env=environment)


def ended(result: Result) -> tuple[int, str]:
    """The exit code and what is said, as the command's entry point ends it."""
    error = result.exception
    if error is None or isinstance(error, SystemExit):
        return result.exit_code, result.output
    return exits.report(error), str(error)


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    await fill(f"sqlite:///{tmp_path}/a.db", tmp_path)
    return tmp_path


async def recorded(folder: Path) -> list[record.Record]:
    sql = text("SELECT body FROM records WHERE log = 'system' AND event = 'backup.made' ORDER BY seq")
    async with service(f"sqlite:///{folder}/a.db", folder) as database:
        rows = await database.read(lambda tx: tx.all(sql))
    return [record.parse(bytes(row.body)) for row in rows]


async def test_a_backup_is_made_where_the_settings_say_and_recorded(filled: Path) -> None:
    made = await asyncio.to_thread(run, filled, "backup", "--json")
    assert ended(made)[0] == 0, ended(made)
    said = json.loads(made.stdout)
    assert Path(said["folder"]).parent == filled / "daily"
    assert [one["size"] for one in said["manifest"]["logs"] if one["log"] == "acme"] == [20]
    (one,) = await recorded(filled)
    assert json.loads(bytes(one.data))["manifest"] == said["sha256"]


async def test_while_the_service_runs_it_is_made_and_the_service_records_it(filled: Path) -> None:
    url = f"sqlite:///{filled}/a.db"
    async with service(url, filled) as database:
        made = await asyncio.to_thread(run, filled, "backup", "--to", str(filled / "elsewhere"))
        assert ended(made)[0] == 0, ended(made)
        assert "The running service records it" in made.output
        assert await notices.record_all(database, url, lambda: AT) == 1
    assert len(await recorded(filled)) == 1


async def test_a_backup_that_cannot_be_recorded_is_kept_and_told(filled: Path) -> None:
    with closing(sqlite3.connect(filled / "a.db")) as connection:
        connection.execute("DROP TRIGGER grants_no_update")
        connection.commit()
    ending, output = ended(await asyncio.to_thread(run, filled, "backup"))
    (folder,) = (filled / "daily").glob("countersign-*")
    assert (ending, f"{folder}: made and verified, but no record of it" in output) == (3, True), output
    assert "expected trigger grants_no_update, found none" in output


async def test_it_is_restored_where_one_says(filled: Path) -> None:
    await asyncio.to_thread(run, filled, "backup")
    (folder,) = (filled / "daily").glob("countersign-*")
    done = await asyncio.to_thread(run, filled, "restore", str(folder), "--database", f"sqlite:///{filled}/b.db")
    assert ended(done)[0] == 0, ended(done)
    assert "the log verifies" in done.output
    assert "Nothing outside could be asked" in done.output
    assert (await found(f"sqlite:///{filled}/b.db", filled)).findings == ()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("restore", "{folder}"), 1, "restore elsewhere"),
        (("restore", "{folder}", "--accept-rollback"), 2, "expected --reason"),
        (("restore", "{folder}/../..", "--database", "sqlite:///{tmp}/b.db"), 3, "expected a backup at"),
    ],
)
async def test_refusals_say_what_to_do(filled: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    await asyncio.to_thread(run, filled, "backup")
    (folder,) = (filled / "daily").glob("countersign-*")
    words = [word.format(folder=folder, tmp=filled) for word in arguments]
    ending, output = ended(await asyncio.to_thread(run, filled, *words))
    assert (ending, says in output) == (code, True), output


async def test_nothing_is_restored_without_the_servers_keys(filled: Path) -> None:
    await asyncio.to_thread(run, filled, "backup")
    (folder,) = (filled / "daily").glob("countersign-*")
    (filled / "keys").rename(filled / "lost")
    words = ("restore", str(folder), "--database", f"sqlite:///{filled}/b.db")
    ending, output = ended(await asyncio.to_thread(run, filled, *words))
    assert (ending, "key" in output) == (3, True), output
    assert not (filled / "b.db").exists()
    assert not (filled / "keys").exists(), "none is made in their place"
