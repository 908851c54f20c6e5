"""Every record goes outside once, in order, whatever fails on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.sinks import worm
from app.sinks.model import Limits
from app.sinks.records import Delivered
from app.sinks.segments import decode
from app.sinks.worm import WormSink
from integrations.errors import InDoubtError, UnavailableError
from integrations.objectlock.local import LocalWorm
from integrations.objectlock.port import Held, Version, WormStore
from manifests.canonical import MAX_INTEGER
from tests.audit.made import verified
from tests.sinks.made import DAYS, Clock, World, catch_up, exported, world

WAIT_S = 6
"""Longer than records wait for others."""


class Failing:
    """A store that fails as told: before a put happens, or after."""

    def __init__(self, store: WormStore) -> None:
        self._store = store
        self.down = False
        self.lose_answers = 0
        self.puts = 0

    async def put(self, key: str, data: bytes, until: int) -> str:
        self._check()
        self.puts += 1
        version = await self._store.put(key, data, until)
        if self.lose_answers and "/segment/" in key:
            self.lose_answers -= 1
            self.down = True
            raise InDoubtError("lost")
        return version

    async def read(self, key: str, version_id: str) -> Held:
        self._check()
        return await self._store.read(key, version_id)

    async def versions(self, key: str) -> Sequence[Version]:
        self._check()
        return await self._store.versions(key)

    async def keys(self, prefix: str, after: str = "", most: int = 1000) -> Sequence[str]:
        self._check()
        return await self._store.keys(prefix, after, most)

    async def problems(self, days: int) -> Sequence[str]:
        return []

    async def close(self) -> None:
        return None

    def _check(self) -> None:
        if self.down:
            raise UnavailableError("down")


@pytest.fixture
def folder(tmp_path: Path) -> LocalWorm:
    return LocalWorm(tmp_path / "worm")


async def test_every_log_arrives_whole_and_its_receipts_are_records(database_url: str, folder: LocalWorm) -> None:
    async with world(database_url) as w:
        worker = w.worker(worm.sink("worm", folder, DAYS, w.clock))
        await w.write(5000)
        await w.write(3, "other")
        before = await w.bodies()
        w.clock.after(WAIT_S)
        await catch_up(worker)
        assert (await exported(folder))[:5000] == before
        assert await exported(folder, "other") == (await w.bodies("other"))[:3]
        receipts = [msgspec.json.decode(r.data, type=Delivered) for r in await w.events("sink.delivered")]
        assert [r.first for r in receipts] == [0, *(r.end for r in receipts[:-1])]
        for receipt in receipts:
            held = await folder.read(receipt.key, receipt.version)
            assert hashlib.sha256(held.data).hexdigest() == receipt.sha256
            assert held.until == receipt.until == w.clock.at + DAYS * 86_400_000_000
            assert list(decode(held.data)) == (await w.bodies())[receipt.first : receipt.end]
            assert receipt.key.startswith(f"acme/segment/{receipt.first:016d}-{receipt.end - 1:016d}.")
    assert (await verified(database_url)).findings == ()


async def test_receipts_alone_are_not_worth_a_segment(database_url: str, folder: LocalWorm) -> None:
    async with world(database_url) as w:
        worker = w.worker(worm.sink("worm", folder, DAYS, w.clock))
        await w.write(3)
        for _ in range(3):
            w.clock.after(WAIT_S)
            await catch_up(worker)
        assert len(await folder.keys("acme/segment/")) == 1
        assert await w.size() == 4
        await w.write(1)
        w.clock.after(WAIT_S)
        await catch_up(worker)
        assert await exported(folder) == (await w.bodies())[:5]


@pytest.mark.parametrize(
    ("limits", "cut"),
    [
        (Limits(records=10), [10, 10]),
        (Limits(size=4000), [13, 12]),
        (Limits(), []),
    ],
)
async def test_a_segment_is_closed_by_number_or_size_or_age(
    tmp_path: Path, folder: LocalWorm, limits: Limits, cut: list[int]
) -> None:
    async with world(f"sqlite:///{tmp_path}/a.db") as w:
        worker = w.worker(worm.sink("worm", folder, DAYS, w.clock, limits))
        await w.write(25)
        await catch_up(worker)
        stored = await WormSink(folder, DAYS, w.clock, limits).stored("acme", 0)
        assert [one.end - one.first for one in stored] == cut
        w.clock.after(WAIT_S)
        await catch_up(worker)
        assert await exported(folder) == (await w.bodies())[: len(await exported(folder))]
        assert (await w.progress("worm")).size >= 25


async def test_a_clock_that_went_back_holds_nothing_up(tmp_path: Path, folder: LocalWorm) -> None:
    async with world(f"sqlite:///{tmp_path}/a.db") as w:
        worker = w.worker(worm.sink("worm", folder, DAYS, w.clock))
        await w.write(3)
        w.clock.after(-3600)
        await catch_up(worker)
        assert len(await exported(folder)) == 3


async def test_a_sink_that_is_down_loses_and_delays_nothing(database_url: str, folder: LocalWorm) -> None:
    async with world(database_url) as w:
        failing = Failing(folder)
        worker = w.worker(worm.sink("worm", failing, DAYS, w.clock, Limits(records=10)))
        await w.write(15)
        await catch_up(worker)
        failing.down = True
        await w.write(20)
        w.clock.after(WAIT_S)
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await worker.turn()
        assert (await w.progress("worm")).error == "down"
        failing.down = False
        await catch_up(worker)
        assert await exported(folder) == (await w.bodies())[: (await w.progress("worm")).size]
        assert (await w.progress("worm")).size >= 35
        assert (await w.progress("worm")).error == ""


async def test_a_put_that_was_not_recorded_is_found_again(database_url: str, folder: LocalWorm) -> None:
    async with world(database_url) as w:
        failing = Failing(folder)
        failing.lose_answers = 1
        first = w.worker(worm.sink("worm", failing, DAYS, w.clock))
        await w.write(7)
        w.clock.after(WAIT_S)
        with pytest.raises(UnavailableError):
            await first.turn()
        (stored,) = await folder.keys("acme/segment/")
        failing.down = False
        # By now there are more records, which would make another segment.
        await w.write(5)
        w.clock.after(WAIT_S)
        await catch_up(w.worker(worm.sink("worm", failing, DAYS, w.clock)))
        assert (await folder.keys("acme/segment/"))[0] == stored
        assert await exported(folder) == (await w.bodies())[: (await w.progress("worm")).size]


class Uneven(Failing):
    """Refuses what begins with these numbers."""

    refused = frozenset({10, 30})

    async def put(self, key: str, data: bytes, until: int) -> str:
        if "/segment/" in key and int(key.split("/")[2].partition("-")[0]) in self.refused:
            raise UnavailableError("uneven")
        return await super().put(key, data, until)


async def test_of_several_at_once_those_after_a_failure_are_found_again(database_url: str, folder: LocalWorm) -> None:
    async with world(database_url) as w:
        uneven = Uneven(folder)
        limits = Limits(records=10, ahead=4)
        worker = w.worker(worm.sink("worm", uneven, DAYS, w.clock, limits))
        await w.write(40)
        with pytest.raises(UnavailableError):
            await worker.turn()
        assert (await w.progress("worm")).size == 10
        assert len(await folder.keys("acme/segment/")) == 2
        uneven.refused = frozenset()
        w.clock.after(WAIT_S)
        await catch_up(worker)
        assert await exported(folder) == (await w.bodies())[: (await w.progress("worm")).size]
        assert (await w.progress("worm")).size >= 40


async def test_a_strange_object_in_the_way_stops_nothing(tmp_path: Path, folder: LocalWorm) -> None:
    async with world(f"sqlite:///{tmp_path}/a.db") as w:
        strange = f"acme/segment/{0:016d}-{1:016d}.{'0' * 64}"
        await folder.put(strange, b"strange", w.clock.at)
        await w.write(3)
        w.clock.after(WAIT_S)
        await catch_up(w.worker(worm.sink("worm", folder, DAYS, w.clock)))
        ours = [key for key in await folder.keys("acme/segment/") if key != strange]
        assert len(ours) == 1
        assert (await w.progress("worm")).size == 3


async def test_an_altered_record_is_never_made_eternal(tmp_path: Path, folder: LocalWorm) -> None:
    async with world(f"sqlite:///{tmp_path}/a.db") as w:
        await w.write(5)
        await w.write(5, "other")
        await _tamper(
            w,
            "DROP TRIGGER records_no_update",
            "UPDATE records SET body = CAST('{}' AS BLOB) WHERE log = 'acme' AND seq = 3",
        )
        w.clock.after(WAIT_S)
        with pytest.raises(RecordAlteredError):
            await w.worker(worm.sink("worm", folder, DAYS, w.clock)).turn()
        assert await exported(folder) == []
        assert len(await exported(folder, "other")) == 5, "another log does not wait"
        assert "record 3" in (await w.progress("worm")).error


@pytest.mark.parametrize("claimed", [0, 2, 1000])
async def test_the_log_not_the_table_says_how_far_it_came(database_url: str, folder: LocalWorm, claimed: int) -> None:
    async with world(database_url) as w:
        await w.write(5)
        w.clock.after(WAIT_S)
        await catch_up(w.worker(worm.sink("worm", folder, DAYS, w.clock)))
        await _tamper(w, f"UPDATE sink_progress SET size = {claimed}")
        await w.write(4)
        w.clock.after(WAIT_S)
        await catch_up(w.worker(worm.sink("worm", folder, DAYS, w.clock)))
        assert await exported(folder) == (await w.bodies())[:10]


async def test_one_replica_feeds_a_sink_and_another_takes_over(database_url: str, folder: LocalWorm) -> None:
    async with world(database_url) as w:
        mine, theirs = (w.worker(worm.sink("worm", folder, DAYS, w.clock), owner) for owner in ("me", "them"))
        await w.write(5)
        w.clock.after(WAIT_S)
        await catch_up(mine)
        await w.write(5)
        w.clock.after(WAIT_S)
        await catch_up(theirs)
        assert (await w.progress("worm")).size == 5
        w.clock.after(3600)
        await catch_up(theirs)
        await catch_up(mine)
        assert await exported(folder) == (await w.bodies())[:11]


async def _tamper(w: World, *statements: str) -> None:
    def unit(tx: Tx) -> None:
        for statement in statements:
            tx.run(text(statement))

    await w.database.write(unit)


def test_numbers_fit_their_names() -> None:
    assert len(str(MAX_INTEGER)) == worm.DIGITS


def test_cut_bytes_are_no_segment() -> None:
    for data in (b"\x00", b"\x00\x02a", b"\x00\x01a\x00"):
        with pytest.raises(ValueError, match="expected"):
            list(decode(data))
    assert list(decode(b"\x00\x01a\x00\x00")) == [b"a", b""]


async def test_a_lease_of_a_clock_that_was_ahead_keeps_nobody_from_feeding(
    database_url: str, folder: LocalWorm
) -> None:
    async with world(database_url, Clock()) as w:
        await w.write(5)
        w.clock.after(365 * 86_400)
        ahead = w.worker(worm.sink("folder", folder, DAYS, w.clock), "ahead")
        await catch_up(ahead)
        await w.write(5)
        w.clock.after(6 - 365 * 86_400)
        await catch_up(w.worker(worm.sink("folder", folder, DAYS, w.clock), "other"))
        assert len(await exported(folder)) == 10 + 1
        await w.write(5)
        w.clock.after(6)
        assert await ahead.turn() is False  # the other feeds it now
        assert len(await exported(folder)) == 10 + 1
