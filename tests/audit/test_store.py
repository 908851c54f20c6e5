"""Records are answered as they were sealed, or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from app.audit import store
from app.audit.errors import RecordAlteredError
from app.audit.reading import read_only
from app.audit.sequence import LogSequencer
from tests.audit.made import AT, KEY, draft, fill, stage
from tests.db.opened import opened
from tests.verification.test_tampering import ALTERED, Change, body, sql, tamper


async def test_records_of_a_resource_come_back_in_order(database_url: str) -> None:
    await fill(database_url)
    async with opened(database_url) as database:
        found = await database.read(partial(store.records_of, log="acme", resource="release/1"))
        assert [(item.seq, item.tseq, item.ts) for item in found] == [
            (1, 0, AT + 1), (5, 1, AT + 5), (9, 2, AT + 9), (13, 3, AT + 13), (17, 4, AT + 17),
        ]  # fmt: skip
        assert await database.read(partial(store.records_of, log="acme", resource="release/9")) == ()
        assert await database.read(partial(store.records_of, log="other", resource="release/1")) == ()


async def test_records_under_a_prefix_are_those_of_its_parts_only(database_url: str) -> None:
    resources = ("grant/r1/a", "grant/r1/b", "grant/r1", "grant/r10/a", "grant/r1-/a", "grant/r1/a")
    async with opened(database_url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(number, resource=name) for number, name in enumerate(resources)])
        found = await database.read(partial(store.records_under, log="acme", prefix="grant/r1"))
    assert [item.seq for item in found] == [0, 1, 5]


async def test_a_trace_is_read_whole(database_url: str) -> None:
    await fill(database_url)
    async with opened(database_url) as database:
        found = await database.read(partial(store.trace, log="acme", trace_id="release-2"))
        assert [(item.seq, item.tseq) for item in found] == [(2, 0), (6, 1), (10, 2), (14, 3), (18, 4)]
        assert await database.read(partial(store.trace, log="acme", trace_id="unknown")) == ()


async def test_pages_go_from_the_newest_to_the_oldest(database_url: str) -> None:
    await fill(database_url)
    async with opened(database_url) as database:
        first = await database.read(partial(store.newest, log="acme", most=8))
        second = await database.read(partial(store.newest, log="acme", most=99, before=first[-1].seq))
        assert [item.seq for item in (*first, *second)] == list(range(19, -1, -1))
        one = await database.read(partial(store.record_at, log="acme", seq=3))
        assert one is not None
        assert one.seq == 3
        assert await database.read(partial(store.record_at, log="acme", seq=20)) is None


async def test_an_empty_log_ends_at_nothing(database_url: str) -> None:
    async with opened(database_url) as database:
        assert await database.read(partial(store.head, log="acme")) == store.LogHead(0, 0)
        assert await database.read(partial(store.checkpoint, log="acme")) is None


async def test_a_record_is_under_the_next_checkpoint(database_url: str) -> None:
    await fill(database_url)
    async with opened(database_url) as database:
        sizes = [await database.read(partial(store.checkpoint_over, log="acme", size=size)) for size in (1, 5, 6, 20)]
        assert [found and found.size for found in sizes] == [5, 5, 6, 20]
        assert await database.read(partial(store.checkpoint_over, log="acme", size=21)) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (body(9, *ALTERED), "expected a body with hash"),
        (body(9, b'"v":1', b'"v": 1', leaf=True), "canonical form"),
        (sql("UPDATE records SET leaf = zeroblob(32) WHERE seq = 9"), "expected a body with hash 00"),
        (sql("UPDATE records SET resource = 'release/1' WHERE seq = 8"), "expected resource 'release/0'"),
        (sql("UPDATE records SET event = 'x' WHERE seq = 9"), "expected event 'verdict.recorded'"),
        (sql("UPDATE records SET trace_id = 'x' WHERE seq = 9"), "expected trace_id 'release-1'"),
        (sql("UPDATE records SET tseq = 77 WHERE seq = 9"), "expected tseq 2"),
        (sql("UPDATE records SET at = 1 WHERE seq = 9"), "expected at"),
        (sql("UPDATE records SET seq = 21 WHERE seq = 9"), "expected seq 9"),
        (sql("UPDATE records SET log = 'other' WHERE seq != 9", "UPDATE records SET log = 'other'"), "expected log"),
    ],
)
async def test_an_altered_record_is_refused_and_named(tmp_path: Path, change: Change, says: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    tamper(tmp_path / "log.db", change)
    log = "other" if "log" in says else "acme"
    with pytest.raises(RecordAlteredError, match=says) as caught:
        read_only(url, partial(store.records_of, log=log, resource="release/1"))
    assert caught.value.log == log
    assert "audit verify" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        sql("DELETE FROM records WHERE seq = 9"),
        sql("DELETE FROM records WHERE seq = 1"),
        sql("DELETE FROM records WHERE seq = 17"),
        sql("DELETE FROM records WHERE trace_id = 'release-1'"),
        sql("DELETE FROM trace_heads WHERE trace_id = 'release-1'"),
        body(9, *ALTERED, leaf=True),
        body(17, *ALTERED, leaf=True),
    ],
    ids=["middle", "first", "last", "all", "head", "rewritten", "last rewritten"],
)
async def test_a_trace_that_is_not_whole_is_refused(tmp_path: Path, change: Change) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    tamper(tmp_path / "log.db", change)
    with pytest.raises(RecordAlteredError, match="trace release-1"):
        read_only(url, partial(store.trace, log="acme", trace_id="release-1"))


async def test_reading_from_outside_takes_no_lock_and_writes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(0)])
        assert read_only(url, partial(store.head, log="acme")).size == 1
        await stage(database, "acme", [draft(1)])
        assert read_only(url, partial(store.head, log="acme")).size == 2
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        assert connection.execute("SELECT count(*) FROM records").fetchone() == (2,)
