"""Blobs are copied where nobody changes them, and read back from there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.blobs import places
from app.blobs.copying import MAX_BLOBS, PROGRESS, BlobCopying
from app.blobs.errors import BlobAlteredError, BlobElsewhereError, BlobMissingError
from app.blobs.packs import unpack
from app.blobs.reading import outside
from app.blobs.store import FILES, BlobStore
from app.sinks import worm
from app.sinks.model import Receipt, Sink
from integrations.errors import UnavailableError
from integrations.objectlock.local import LocalWorm
from manifests.canonical import sha256_hex
from tests.db.unguarded import unguarded
from tests.sinks.made import Clock, World, catch_up, world

LARGE = 1000


class Place:
    """A folder as WORM storage, and the copying of blobs into it."""

    def __init__(
        self, w: World, folder: Path, large_from: int | None = None, *, name: str = "folder", among: Sequence[str] = ()
    ) -> None:
        self.worm = LocalWorm(folder)
        self.sink: Sink = worm.sink(name, self.worm, 10, w.clock)
        self.blobs = BlobStore(w.clock, large_from)
        assert self.sink.blobs is not None
        self.copying = BlobCopying(name, self.sink.blobs, w.database, self.blobs, w.clock, among)

    async def read(self, w: World, digest: str) -> bytes:
        try:
            return await w.database.read(lambda tx: self.blobs.get(tx, digest))
        except BlobElsewhereError as error:
            return await outside(error, [self.sink])

    async def outside(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for key in await self.worm.keys("_blobs/"):
            for version in await self.worm.versions(key):
                found.update(unpack((await self.worm.read(key, version.version_id)).data))
        return found


async def put(w: World, place: Place, *bodies: bytes, kind: str = "verdict") -> list[str]:
    return await w.database.write(lambda tx: place.blobs.put_many(tx, [(kind, body) for body in bodies]))


async def test_every_blob_is_copied_once_and_the_receipt_is_a_record(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path)
        bodies = [b"", b"one", b"two" * 400]
        digests = await put(w, place, *bodies)
        assert not await place.copying()  # young blobs wait for others
        w.clock.after(31)
        await place.copying()
        await put(w, place, b"three", b"one")
        w.clock.after(31)
        await place.copying()
        w.clock.after(31)
        assert not await place.copying()
        assert await place.outside() == {sha256_hex(body): body for body in [*bodies, b"three"]}
        assert [len(await w.database.read(lambda tx, d=d: places.of(tx, d))) for d in digests] == [1, 1, 1]  # type: ignore[misc]
        assert len(await w.events("blob.stored", "system")) == 2
        assert await w.database.read(lambda tx: places.uncopied(tx, "folder", w.clock())) == 0


async def test_many_blobs_go_in_several_packs(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path)
        bodies = [b"%d" % number for number in range(MAX_BLOBS + 3)]
        await put(w, place, *bodies)
        assert await place.copying()  # a full pack does not wait
        w.clock.after(31)
        assert not await place.copying()
        assert set((await place.outside()).values()) == set(bodies)


async def test_a_blob_committed_late_is_not_passed_over(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path)
        await put(w, place, b"early")
        w.clock.after(31)
        await place.copying()
        w.clock.after(-50)  # its transaction began before, and ends now
        (late,) = await put(w, place, b"late")
        w.clock.after(100)
        await place.copying()
        assert late in await place.outside()


@pytest.mark.parametrize("seconds", [3_600, 10 * 86_400])
async def test_what_comes_after_a_clock_was_ahead_is_copied(database_url: str, tmp_path: Path, seconds: int) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path)
        w.clock.after(seconds)
        await put(w, place, b"of the future")
        w.clock.after(31)
        await place.copying()
        w.clock.after(-seconds)  # somebody set it right
        (new,) = await put(w, place, b"of now")
        w.clock.after(31)
        await place.copying()
        assert new in await place.outside()


async def test_a_blob_that_was_passed_over_is_found_within_a_day(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path)
        await put(w, place, b"early")
        w.clock.after(31)
        await place.copying()
        w.clock.after(31)
        await place.copying()
        w.clock.after(-600)  # of another replica, whose clock is behind
        (late,) = await put(w, place, b"late")
        w.clock.after(86_400 + 600)
        await place.copying()
        assert late in await place.outside()


async def test_a_blob_that_was_altered_keeps_no_other_from_being_copied(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with world(f"sqlite:///{path}", Clock()) as w:
        place = Place(w, tmp_path / "worm")
        whole, altered = await put(w, place, b"whole", b"altered")
        with unguarded(path) as connection:
            connection.execute("UPDATE blobs SET body = x'00' WHERE digest = ?", (altered,))
        w.clock.after(31)
        worker = w.worker(place.sink)
        await worker.turn()
        assert await place.outside() == {whole: b"whole"}
        assert altered in (await w.progress("folder", PROGRESS)).error
        (later,) = await put(w, place, b"later")
        w.clock.after(31)
        await worker.turn()
        assert set(await place.outside()) == {whole, later}
        with unguarded(path) as connection:
            connection.execute("UPDATE blobs SET body = ? WHERE digest = ?", (b"altered", altered))
        w.clock.after(86_400)
        await worker.turn()
        assert altered in await place.outside()


async def test_a_large_file_stays_until_all_sinks_hold_it(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        both = ("folder", "worm")
        one, other = (Place(w, tmp_path / name, LARGE, name=name, among=both) for name in both)
        (digest,) = await put(w, one, b"x" * LARGE, kind=FILES)
        w.clock.after(31)
        await one.copying()
        assert await w.database.read(lambda tx: one.blobs.get(tx, digest)) == b"x" * LARGE
        await other.copying()
        with pytest.raises(BlobElsewhereError, match=r"it lies in folder .* worm"):
            await w.database.read(lambda tx: one.blobs.get(tx, digest))
        assert digest in await other.outside()


class Dying:
    """Stores, and is not heard of again."""

    def __init__(self, sink: Sink) -> None:
        assert sink.blobs is not None
        self._blobs = sink.blobs

    async def keep(self, name: str, data: bytes) -> Receipt:
        await self._blobs.keep(name, data)
        raise UnavailableError("gone")

    async def fetch(self, key: str, version: str) -> bytes:
        return await self._blobs.fetch(key, version)


async def test_an_answer_that_is_lost_stores_nothing_twice(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path)
        await put(w, place, b"one", b"two")
        w.clock.after(31)
        dying = BlobCopying("folder", Dying(place.sink), w.database, place.blobs, w.clock)
        with pytest.raises(UnavailableError):
            await dying()
        assert await w.database.read(lambda tx: places.uncopied(tx, "folder", w.clock())) == 2
        await place.copying()
        assert len(await place.worm.keys("_blobs/")) == 1
        assert len(await w.events("blob.stored", "system")) == 1


async def test_a_worker_feeds_blobs_too(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path)
        await put(w, place, b"one")
        await w.write(1)
        w.clock.after(31)
        await catch_up(w.worker(place.sink))
        assert await place.outside() == {sha256_hex(b"one"): b"one"}


async def test_a_large_file_leaves_the_database_and_is_read_from_outside(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path, LARGE)
        body = b"x" * LARGE
        (digest,) = await put(w, place, body, kind=FILES)
        (small,) = await put(w, place, b"x" * (LARGE - 1), kind=FILES)
        (decided,) = await put(w, place, b"y" * LARGE, kind="verdict")
        assert await place.read(w, digest) == body  # not copied yet
        w.clock.after(31)
        await place.copying()
        with pytest.raises(BlobElsewhereError, match="it lies in folder"):
            await w.database.read(lambda tx: place.blobs.get(tx, digest))
        assert await place.read(w, digest) == body
        for inside in (small, decided):
            assert len(await w.database.read(lambda tx, d=inside: place.blobs.get(tx, d))) >= LARGE - 1  # type: ignore[misc]
        assert await put(w, place, body, kind=FILES) == [digest]  # known already: not stored again
        with pytest.raises(BlobElsewhereError):
            await w.database.read(lambda tx: place.blobs.get(tx, digest))


async def test_a_copy_that_was_altered_is_named_and_never_given(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, Clock()) as w:
        place = Place(w, tmp_path, LARGE)
        (digest,) = await put(w, place, b"x" * LARGE, kind=FILES)
        w.clock.after(31)
        await place.copying()
        (path,) = [path for path in tmp_path.rglob("*@*") if "_blobs" in str(path)]
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"y")
        with pytest.raises(BlobAlteredError):
            await place.read(w, digest)
        path.unlink()
        with pytest.raises(BlobElsewhereError):
            await place.read(w, digest)
        with pytest.raises(BlobMissingError):
            await place.read(w, "0" * 64)
