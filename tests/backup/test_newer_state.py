"""An older backup is recognised against what lies outside; what can be vouched for is brought back, the rest given up
only on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.audit.projection import log_facts
from app.audit.store import records_of
from app.backup.errors import BackupAlteredError, BackupError, NewerStateError
from app.backup.own_keys import log_keys
from app.backup.records import GivenUp, ranges_given_up
from app.backup.rollback import tell_rolled_back
from app.db.database import Database
from app.db.tx import Tx
from app.keys.errors import ServerKeyError
from app.keys.keeper import Keeper
from app.keys.service import open_database
from app.metrics import Metrics
from app.privacy.model import ErasedData
from app.sinks import worm
from app.sinks.compare import Comparison
from app.sinks.model import Sink
from integrations.objectlock.local import LocalWorm
from integrations.objectlock.s3 import S3Worm
from manifests import record
from manifests.note import VerifierKey
from manifests.record import Draft, facts
from tests.audit.made import AT
from tests.backup.made import backed_up, contents, deliver, fill, found, restored, service, settings, write
from tests.sinks.made import Clock

LOG = {"records", "trace_heads", "tree_hashes"}


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Sink]:
    made = worm.sink("folder", LocalWorm(tmp_path / "worm"), 10, Clock())
    yield made
    await made.close()


async def lost(url: str, folder: Path, sink: Sink, *, anchored: bool = True, unanchored: int = 0) -> Path:
    """Twenty records are backed up, thirty more are only in the database and in WORM storage; then the database is
    gone. ``unanchored`` more are in no checkpoint outside."""
    clock = Clock()
    await fill(url, folder)
    async with service(url, folder, clock) as database:
        await deliver(database, sink, clock)
        made = await backed_up(url, folder)
        await write(database, 20, 30)
        if anchored:
            await deliver(database, sink, clock)
        await write(database, 50, unanchored)
    return made.folder


async def test_a_backup_that_is_not_the_newest_state_is_refused(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink)
    with pytest.raises(NewerStateError, match=r"the backup has 21 records, .* vouches for 51: 30 are missing"):
        await restored(target, tmp_path, backup, [sink])
    assert not (tmp_path / "b.db").exists()


async def test_a_checkpoint_that_somebody_kept_tells_it_too(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink)
    async with service(source, tmp_path) as database:
        sql = text("SELECT note FROM checkpoints WHERE log = 'acme' ORDER BY size DESC LIMIT 1")
        row = await database.read(lambda tx: tx.first(sql))
    assert row is not None
    with pytest.raises(NewerStateError, match="a kept checkpoint vouches for"):
        await restored(target, tmp_path, backup, kept=(row.note.encode(),))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_segments_hold_makes_the_log_the_lost_one(
    tmp_path: Path, sink: Sink, kind: str, request: pytest.FixtureRequest
) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    target = f"sqlite:///{tmp_path}/b.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    backup = await lost(source, tmp_path, sink)
    before = await contents(source, tmp_path)
    done = await restored(target, tmp_path, backup, [sink], replay=True)
    assert (done.replayed, done.given_up) == (30, ())
    after = await contents(target, tmp_path)
    for table in LOG:
        mine, theirs = ([row for row in rows[table] if row[0] == "acme"] for rows in (before, after))
        # The receipt for the last segment was recorded after it, and no checkpoint outside covers that.
        assert set(theirs) <= set(mine) or table == "trace_heads"
        assert len(mine) - len(theirs) <= 1, table
    report = await found(target, tmp_path)
    assert {item.code for item in report.findings} <= {"blob.missing"}
    async with service(target, tmp_path) as database:
        assert await compared(database, tmp_path, sink) == ""


async def test_records_that_nobody_vouches_for_are_not_brought_back(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink, unanchored=5)
    done = await restored(target, tmp_path, backup, [sink], replay=True)
    assert done.replayed == 30


async def test_a_segment_with_another_record_is_refused(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink)
    segment = max(tmp_path.glob("worm/acme/segment/*"))
    data = segment.read_bytes()
    segment.chmod(0o600)
    segment.write_bytes(data.replace(b'"wait"', b'"pass"', 1))
    with pytest.raises(BackupError, match="expected a version with the SHA-256 of its name"):
        await restored(target, tmp_path, backup, [sink], replay=True)
    assert not (tmp_path / "b.db").exists()


async def test_segments_of_another_history_are_refused(tmp_path: Path, sink: Sink) -> None:
    """They fit together and follow the backup, but are not what the checkpoint outside vouches for."""
    source, other, target = (f"sqlite:///{tmp_path}/{name}.db" for name in "abc")
    backup = await lost(source, tmp_path, sink)
    await restored(other, tmp_path, backup)
    strange = worm.sink("folder", LocalWorm(tmp_path / "strange"), 10, Clock())
    clock = Clock()
    async with service(other, tmp_path, clock) as database:
        await write(database, 900, 40)
        await deliver(database, strange, clock)
    mixed = msgspec.structs.replace(sink, segments=strange.segments)
    with pytest.raises(BackupAlteredError, match="belongs to another history"):
        await restored(target, tmp_path, backup, [mixed], replay=True)


async def test_a_rollback_is_accepted_with_a_reason_on_record_and_serves(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink)
    done = await restored(target, tmp_path, backup, [sink], accept_rollback=True, reason="the disk is gone")
    assert [(gap.log, gap.have, gap.size) for gap in done.given_up] == [("acme", 21, 51)]
    async with service(target, tmp_path) as database:
        sql = text("SELECT body FROM records WHERE event = 'audit.restored' AND log = 'acme'")
        (row,) = await database.read(lambda tx: tx.all(sql))
        said = msgspec.json.decode(record.parse(row.body).data, type=GivenUp)
        assert (said.first, said.end, said.reason) == (21, 51, "the disk is gone")
        assert await compared(database, tmp_path, sink) == ""
        await write(database, 900, 60)
        assert await compared(database, tmp_path, sink) == ""


def _erased(tx: Tx) -> None:
    """What a confirmed erasure leaves in the log."""
    data = ErasedData("e1", ("k1",), "p1")
    draft = Draft(
        trace_id="person-p1", ts=AT, stage="system", event="subject.erased", component="privacy", action="erased",
        resource="erasure/e1", actor_ref="p2", outcome="erased", data=facts(data),
    )  # fmt: skip
    tx.stage("acme", draft)


@pytest.mark.parametrize("given_up", [False, True])
async def test_what_was_erased_since_stays_erased(tmp_path: Path, sink: Sink, given_up: bool) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    clock = Clock()
    wrapped = b"the key of somebody, wrapped"
    add = text("INSERT INTO subject_keys VALUES ('k1', 'acme', 'p1', :wrapped, 1, 0)")
    await fill(source, tmp_path)
    async with service(source, tmp_path, clock) as database:
        await database.write(lambda tx: tx.run(add, wrapped=wrapped))
        made = await backed_up(source, tmp_path)
        await database.write(_erased)
        await deliver(database, sink, clock)
    assert wrapped in (made.folder / "countersign.db").read_bytes()
    way: dict[str, Any] = {"accept_rollback": True, "reason": "why"} if given_up else {"replay": True}
    done = await restored(target, tmp_path, made.folder, [sink], **way)
    assert done.erased == 1
    assert wrapped not in (tmp_path / "b.db").read_bytes()
    async with service(target, tmp_path) as database:
        (record_of_it,) = await database.read(lambda tx: records_of(tx, "acme", "erasure/e1"))
        assert msgspec.json.decode(record_of_it.data, type=ErasedData).keys == ("k1",)
    assert (await found(target, tmp_path)).findings == ()


async def test_one_that_nobody_accepted_denies(tmp_path: Path, sink: Sink) -> None:
    """Also when the file was put back by hand, past `countersign restore`."""
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink)
    await restored(target, tmp_path, backup)
    async with service(target, tmp_path) as database:
        assert await database.read(lambda tx: ranges_given_up(tx, "acme")) == []
        assert "it was rolled back" in await compared(database, tmp_path, sink)
        assert "it was rolled back" in (await database.read(lambda tx: log_facts(tx, "acme"))).problem
        with capture_logs() as logged:
            await tell_rolled_back(database)
        assert [(one["event"], one["log"], one["log_level"]) for one in logged] == [
            ("audit.rolled_back", "acme", "error")
        ]


async def test_places_that_cannot_be_asked_are_not_taken_for_silence(tmp_path: Path) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    await fill(source, tmp_path)
    made = await backed_up(source, tmp_path)
    down = worm.sink("worm", S3Worm("bucket", endpoint="http://127.0.0.1:9", keys=("a", "b")), 10, lambda: AT)
    try:
        with pytest.raises(BackupError, match="mend that first"):
            await restored(target, tmp_path, made.folder, [down])
    finally:
        await down.close()
    assert not (tmp_path / "b.db").exists()


async def compared(database: Database, folder: Path, sink: Sink) -> str:
    keys = await asyncio.to_thread(log_keys, settings("sqlite:///unused", folder))

    def verifiers(log: str) -> list[VerifierKey]:
        return [VerifierKey(f"countersign.dev/log/{log}", key) for key in keys]

    return await Comparison(database, verifiers, Clock(), Metrics())(sink, "acme")


async def rotated(url: str, folder: Path, clock: Clock) -> None:
    """The log has another key, and the private part of the one before is gone."""
    for _ in range(2):
        database, ring = await open_database(settings(url, folder), clock)
        try:
            keeper = Keeper(database, ring, settings(url, folder).keys, clock)
            if ring.of("log").previous is None:
                await keeper.rotate("log", "service:test")
            clock.after(400 * 86_400)
            await keeper.advance()
        finally:
            await database.close()
    assert not list(folder.glob("keys/log.previous*"))


async def test_a_log_whose_key_was_replaced_since_goes_on_with_the_new_one(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    clock = Clock()
    await fill(source, tmp_path)
    made = await backed_up(source, tmp_path)
    await rotated(source, tmp_path, clock)
    async with service(source, tmp_path, clock) as database:
        await write(database, 20, 3)
        await deliver(database, sink, clock)
    with pytest.raises(ServerKeyError, match="to sign"):
        await restored(target, tmp_path, made.folder)
    assert (await restored(target, tmp_path, made.folder, [sink], replay=True)).replayed > 3
    await fill(target, tmp_path, first=23)
    assert [item for item in (await found(target, tmp_path)).findings if item.kind == "finding"] == []


async def test_where_nothing_can_be_brought_back_the_lost_key_ends_on_record(tmp_path: Path) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    clock = Clock()
    await fill(source, tmp_path)
    made = await backed_up(source, tmp_path)
    await rotated(source, tmp_path, clock)
    await restored(target, tmp_path, made.folder, lost_key=True, reason="a year old")
    await fill(target, tmp_path, first=20)
    assert [item for item in (await found(target, tmp_path)).findings if item.kind == "finding"] == []
