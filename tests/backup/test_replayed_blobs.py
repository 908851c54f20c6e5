"""What replayed records name is brought back from packs in WORM storage, and what is not to be had is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.blobs.store import FILES, BlobStore
from app.db.tx import Tx
from app.sinks import worm
from app.sinks.model import Sink
from integrations.objectlock.local import LocalWorm
from manifests.canonical import sha256_hex
from tests.backup.made import backed_up, deliver, fill, found, restored, service, write
from tests.sinks.made import Clock

LARGE = b"a large file" * 100


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Sink]:
    made = worm.sink("folder", LocalWorm(tmp_path / "worm"), 10, Clock())
    yield made
    await made.close()


async def lost(url: str, folder: Path, sink: Sink) -> Path:
    """Backed up after 20 records with 20 blobs; 30 more of each are only in WORM storage, and a large file."""
    clock = Clock()
    blobs = BlobStore(clock, len(LARGE))
    await fill(url, folder)
    async with service(url, folder, clock) as database:
        clock.after(31)
        await deliver(database, sink, clock)
        made = await backed_up(url, folder)
        await write(database, 20, 30)
        await database.write(lambda tx: blobs.put(tx, FILES, LARGE))
        clock.after(31)
        await deliver(database, sink, clock)  # blobs
        await deliver(database, sink, clock)  # the records that say where they lie
    return made.folder


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_blobs_of_replayed_records_are_brought_back(
    tmp_path: Path, sink: Sink, kind: str, request: pytest.FixtureRequest
) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    target = f"sqlite:///{tmp_path}/b.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    backup = await lost(source, tmp_path, sink)
    done = await restored(target, tmp_path, backup, [sink], replay=True)
    assert (done.replayed > 30, done.missing) == (True, ())
    report = await found(target, tmp_path)
    assert ([item for item in report.findings if item.kind != "note"], report.exit_code) == ([], 0)
    async with service(target, tmp_path) as database:
        stored = await database.read(lambda tx: BlobStore(Clock()).get(tx, sha256_hex(LARGE)))
        assert stored == LARGE
        copies = text("SELECT DISTINCT key FROM blob_places")
        assert len(await database.read(lambda tx: tx.all(copies))) == len(list((tmp_path / "worm/_blobs").iterdir()))
        # Nothing is brought outside again but what the restoration itself stored.
        before = set((tmp_path / "worm/_blobs").iterdir())
        clock = Clock()
        clock.after(3600)
        await deliver(database, sink, clock)
        assert set((tmp_path / "worm/_blobs").iterdir()) == before


async def test_a_pack_that_is_gone_is_named_with_what_it_leaves_missing(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink)
    async with service(source, tmp_path) as database:
        rows = text("SELECT key FROM blob_places WHERE size < 100 ORDER BY at DESC LIMIT 1")
        (row,) = await database.read(lambda tx: tx.all(rows))
    (pack,) = (tmp_path / "worm/_blobs").glob(f"{row.key.removeprefix('_blobs/')}@*")
    pack.unlink()
    done = await restored(target, tmp_path, backup, [sink], replay=True)
    assert any(row.key in text and "blobs in folder" in text for text in done.missing)
    assert any("expected its snapshot as blob" in text for text in done.missing)
    assert {item.code for item in (await found(target, tmp_path)).findings if item.kind != "note"} == {"blob.missing"}


async def test_what_others_put_there_is_not_taken(tmp_path: Path, sink: Sink) -> None:
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    backup = await lost(source, tmp_path, sink)
    (tmp_path / "worm/_blobs" / "0000000000000001.ab@cd").write_bytes(b"not a pack")
    done = await restored(target, tmp_path, backup, [sink], replay=True)
    assert done.missing == ()


async def test_blobs_that_waited_for_their_copy_wait_no_more(tmp_path: Path, sink: Sink) -> None:
    """A large file that was in the database when the backup was made, and outside afterwards."""
    source, target = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    clock = Clock()
    blobs = BlobStore(clock, len(LARGE))
    await fill(source, tmp_path)
    async with service(source, tmp_path, clock) as database:
        await database.write(lambda tx: blobs.put(tx, FILES, LARGE))
        made = await backed_up(source, tmp_path)
        clock.after(31)
        for _ in range(2):
            await deliver(database, sink, clock)
        await write(database, 20, 3)
        await deliver(database, sink, clock)
    await restored(target, tmp_path, made.folder, [sink], replay=True)

    def rows(tx: Tx) -> tuple[int, int]:
        uploads = tx.all(text("SELECT 1 FROM blob_uploads"))
        return len(uploads), len(tx.all(text("SELECT 1 FROM blob_places WHERE kind = 'release'")))

    async with service(target, tmp_path) as database:
        assert await database.read(rows) == (0, 1)
