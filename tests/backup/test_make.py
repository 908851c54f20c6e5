"""A backup is whole and verified, or there is none; old ones go only when a newer one is there."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from app.backup import files, notices
from app.backup.errors import BackupAlteredError, BackupError, NotEmptyError
from app.backup.make import DAY_US, Keep, backups
from app.backup.model import DATABASE, MANIFEST, Manifest
from app.backup.own_keys import log_keys
from app.backup.records import BackupMade, described
from app.backup.seal import SIGNATURE, signing
from app.backup.service import Backups
from app.db.database import Database
from app.db.sqlite import engine
from app.metrics import Metrics
from app.settings.model import BackupSettings
from manifests import record
from manifests.keys import PrivateKey
from tests.audit.made import AT
from tests.backup.made import backed_up, fill, found, restored, service, settings
from tests.sinks.made import Clock

MADE = text("SELECT body FROM records WHERE log = 'system' AND event = 'backup.made' ORDER BY seq")


async def said(database: Database) -> list[BackupMade]:
    rows = await database.read(lambda tx: tx.all(MADE))
    return [msgspec.json.decode(record.parse(bytes(row.body)).data, type=BackupMade) for row in rows]


async def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    assert made.folder.name == "countersign-20260921T141320Z"
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.folder.iterdir()}
    assert modes == {DATABASE: 0o600, MANIFEST: 0o600, SIGNATURE: 0o600}
    assert msgspec.json.decode((made.folder / MANIFEST).read_bytes(), type=Manifest) == made.manifest
    assert "PRIVATE KEY" not in (made.folder / DATABASE).read_bytes().decode(errors="replace")


async def test_what_was_destroyed_is_in_no_corner_of_it(tmp_path: Path) -> None:
    """Nor in free pages, as it would be in a copy of the file."""
    url = f"sqlite:///{tmp_path}/a.db"
    async with service(url, tmp_path) as database:
        put = text("INSERT INTO effects VALUES ('k', 'k', 'w', 'the wrapped key of somebody', '', '', '', 0)")
        await database.write(lambda tx: tx.run(put))
        await database.write(lambda tx: tx.run(text("DELETE FROM effects")))
    made = await backed_up(url, tmp_path)
    assert b"the wrapped key of somebody" not in (made.folder / DATABASE).read_bytes()


async def altered_table(folder: Path) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as copy:
        copy.execute("UPDATE schedule_slots SET owner = 'you' WHERE slot = 3")
        copy.commit()


async def torn(folder: Path) -> None:
    os.truncate(folder / DATABASE, (folder / DATABASE).stat().st_size - 1)


async def altered_manifest(folder: Path) -> None:
    data = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(data.replace(b'"sha256": "', b'"sha256": "0', 1))


async def torn_manifest(folder: Path) -> None:
    os.truncate(folder / MANIFEST, 40)


def fitting(folder: Path) -> None:
    """A manifest for what the file is now."""
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    database = folder / DATABASE
    manifest = msgspec.structs.replace(manifest, sha256=files.digest(database), size=database.stat().st_size)
    (folder / MANIFEST).write_bytes(manifest.encode())


async def altered_with_its_manifest(folder: Path) -> None:
    await altered_table(folder)
    fitting(folder)


async def altered_and_signed(folder: Path) -> None:
    """By somebody who has another key."""
    await altered_with_its_manifest(folder)
    sign = signing(lambda: PrivateKey.generate("ed25519"))
    (folder / SIGNATURE).write_bytes(sign((folder / MANIFEST).read_bytes()))


async def altered_log(folder: Path) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as copy:
        copy.execute("DROP TRIGGER records_no_update")
        copy.execute(
            "UPDATE records SET body = replace(CAST(body AS text), 'wait', 'pass') WHERE log = 'acme' AND seq = 3"
        )
        copy.execute(
            "CREATE TRIGGER records_no_update BEFORE UPDATE ON records BEGIN "
            "SELECT RAISE(ABORT, 'countersign: records is append-only, UPDATE is refused'); END"
        )
        copy.commit()
    fitting(folder)


@pytest.mark.parametrize(
    ("meddle", "names"),
    [
        (altered_table, "found SHA-256"),
        (torn, "torn or was altered"),
        (altered_manifest, r"expected \d+ bytes with SHA-256 0"),
        (torn_manifest, "expected the manifest of a backup"),
        (altered_with_its_manifest, "expected a signature over this manifest, found one over another"),
        (altered_and_signed, "expected a signature of this service's log key, found none"),
        (altered_log, r"the log in it does not verify: .*record 3"),
    ],
)
async def test_one_that_is_torn_or_altered_is_refused_by_name(tmp_path: Path, meddle, names: str) -> None:  # type: ignore[no-untyped-def]
    url, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    await meddle(made.folder)
    with pytest.raises(BackupAlteredError, match=names):
        await restored(target, tmp_path, made.folder)
    assert not list(tmp_path.glob("*b.db*"))


async def test_a_log_that_is_not_whole_makes_no_backup(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path)
    with engine(tmp_path / "a.db").connect() as connection:
        connection.exec_driver_sql("DROP TRIGGER records_no_delete")
        connection.exec_driver_sql("DELETE FROM records WHERE log = 'acme' AND seq = 7")
    with pytest.raises(BackupAlteredError, match=r"does not verify: .*7"):
        await backed_up(url, tmp_path)
    assert backups(tmp_path / "backups") == []


async def test_nothing_is_restored_over_rows(database_url: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/source.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    await fill(database_url, tmp_path, count=1)
    with pytest.raises(NotEmptyError, match="found rows in"):
        await restored(database_url, tmp_path, made.folder)


@pytest.mark.parametrize("name", ["t.db", "t.db-wal"])
async def test_nothing_is_restored_over_something_else(tmp_path: Path, name: str) -> None:
    url, target = f"sqlite:///{tmp_path}/source.db", f"sqlite:///{tmp_path}/t.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    (tmp_path / name).write_bytes(b"x" * 5000)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(NotEmptyError):
        await restored(target, tmp_path, made.folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


async def test_an_empty_database_of_this_version_is_no_something(database_url: str, tmp_path: Path) -> None:
    from app.db.connect import migrate

    url = f"sqlite:///{tmp_path}/source.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    await migrate(database_url)
    await restored(database_url, tmp_path, made.folder)
    assert (await found(database_url, tmp_path)).findings == ()


async def test_old_ones_go_and_the_newest_stay(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path, count=1)
    for day in range(4):
        assert (await backed_up(url, tmp_path, at=AT + day * DAY_US, keep=Keep(2, 30))).pruned == ()
    made = await backed_up(url, tmp_path, at=AT + 40 * DAY_US, keep=Keep(2, 38))
    assert made.pruned == ("countersign-20260921T141320Z", "countersign-20260922T141320Z")
    made = await backed_up(url, tmp_path, at=AT + 400 * DAY_US, keep=Keep(3, 0))
    assert len(made.pruned) == 1
    assert len(backups(tmp_path / "backups")) == 3


async def test_one_that_fails_takes_no_other_away(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path, count=1)
    await backed_up(url, tmp_path)
    with pytest.raises(BackupError, match="found none"):
        await backed_up(f"sqlite:///{tmp_path}/missing.db", tmp_path, at=AT + 400 * DAY_US, keep=Keep(1, 0))
    assert len(backups(tmp_path / "backups")) == 1
    assert [path.name for path in (tmp_path / "backups").iterdir() if path.name.endswith(".part")] == []


async def test_the_service_makes_verifies_and_records_one(postgres_url: str, tmp_path: Path) -> None:
    database_url = postgres_url
    await fill(database_url, tmp_path)
    async with service(database_url, tmp_path) as database:
        daily = Backups(
            BackupSettings(directory=tmp_path / "b"), database_url, database,
            lambda: log_keys(settings(database_url, tmp_path)), lambda manifest: b"", Clock(), Metrics(),
        )  # fmt: skip
        assert daily.jobs().keys() == {"backup", "backup-age", "backup-notices"}
        await daily.daily()
        ((folder, manifest),) = backups(tmp_path / "b")
        (one,) = await said(database)
    assert (one.name, one.sha256) == (folder.name, manifest.sha256)


async def test_a_daily_backup_that_fails_is_an_alarm(tmp_path: Path) -> None:
    url, metrics = f"sqlite:///{tmp_path}/a.db", Metrics()
    await fill(url, tmp_path)
    (tmp_path / "file").touch()
    async with service(url, tmp_path) as database:
        daily = Backups(
            BackupSettings(directory=tmp_path / "file" / "b"), url, database,
            lambda: log_keys(settings(url, tmp_path)), lambda manifest: b"", Clock(), metrics,
        )  # fmt: skip
        await daily.daily()
        assert await said(database) == []
    assert metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "backup"}) == 1


async def test_what_the_command_line_made_is_recorded_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    async with service(url, tmp_path) as database:
        for _ in range(2):
            notices.leave(tmp_path / "a.db", described(made))
            assert await notices.record_all(database, url, lambda: AT) == 1
        assert await notices.record_all(database, url, lambda: AT) == 0
        assert await said(database) == [described(made)]
