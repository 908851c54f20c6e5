"""The index follows the logs by itself, whatever stops it on the way."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from app.db.database import Database, DatabaseUnavailableError
from app.search import index, indexer
from app.search.checking import differences
from app.search.indexer import Indexer
from app.search.model import Query
from app.search.span import Span
from tests.db.opened import opened
from tests.search.made import AT, LOG, SEQUENCER, brute, draft, newest_first, stage


async def size(database: Database, log: str = LOG) -> int:
    return await database.read(lambda tx: index.size(tx, log))


async def right(database: Database, log: str = LOG) -> bool:
    return not await database.read(lambda tx: list(differences(tx, log)))


async def test_every_log_is_indexed_in_bounded_units(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "BATCH", 10)
    monkeypatch.setattr(indexer, "SLICE", 4)
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft(AT + number) for number in range(37)])
        await stage(database, [draft(), draft()], "system")
        assert await Indexer(database).catch_up()
        assert (await size(database), await size(database, "system")) == (37, 2)
        await stage(database, [draft()])
        assert await Indexer(database).catch_up()
        assert await size(database) == 38
        assert await right(database)
        assert await right(database, "system")


async def test_replicas_at_once_index_each_record_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "BATCH", 10)
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft(AT + number) for number in range(60)])
        done = await asyncio.gather(*(Indexer(database).catch_up() for _ in range(3)))
        while not all(done):
            done = [await Indexer(database).catch_up()]
        assert await size(database) == 60
        assert await right(database)


async def test_whoever_comes_late_changes_nothing(database_url: str) -> None:
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft() for _ in range(5)])
        await Indexer(database).catch_up()
        for span in (Span(0, 3), Span(3, 5), Span(7, 9)):
            assert not await database.write(partial(index.add, log=LOG, span=span, entries=[]))
        assert await right(database)


async def test_it_runs_behind_the_log_until_it_is_stopped(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "POLL_S", 0.01)
    async with opened(database_url, SEQUENCER) as database:
        running = Indexer(database)
        running.start()
        for number in range(3):
            await stage(database, [draft() for _ in range(number + 1)])
            running.wake()
        async with asyncio.timeout(20):
            while await size(database) < 6:
                await asyncio.sleep(0.01)
        await running.stop()
        await stage(database, [draft()])
        await asyncio.sleep(0.05)
        assert await size(database) == 6


async def test_a_database_that_fails_is_tried_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "POLL_S", 0.01)
    failures = iter([DatabaseUnavailableError("gone"), RuntimeError("odd")])
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft()])
        running = Indexer(database)
        honest = running.catch_up

        async def catch_up() -> bool:
            for failure in failures:
                raise failure
            return await honest()

        monkeypatch.setattr(running, "catch_up", catch_up)
        running.start()
        async with asyncio.timeout(20):
            while await size(database) < 1:
                await asyncio.sleep(0.01)
        await running.stop()


async def test_a_record_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, SEQUENCER) as database:
        await stage(database, [draft(actor="a") for _ in range(5)])
        with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
            connection.execute("DROP TRIGGER records_no_update")
            connection.execute("UPDATE records SET body = x'00' WHERE seq = 2")
            connection.commit()
        assert await Indexer(database).catch_up()
        assert await size(database) == 5
        found = await database.read(lambda tx: list(differences(tx, LOG)))
        assert [one.seq for one in found] == [2]


async def test_rows_that_somebody_put_ahead_are_replaced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, SEQUENCER) as database:
        with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
            connection.execute("INSERT INTO record_index VALUES ('acme', 1, 0, 'x', 'x', 'x', 'x', 'x', 0)")
            connection.commit()
        await stage(database, [draft(actor="a") for _ in range(3)])
        assert await Indexer(database).catch_up()
        assert await right(database)
        expected = await database.read(lambda tx: brute(tx, Query(actor="a")))
        assert await database.read(lambda tx: newest_first(tx, Query(actor="a"), 9)) == expected[::-1]
