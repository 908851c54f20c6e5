"""One process, one writer: what a unit of work may count on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.database import DatabaseUnavailableError, glance
from app.db.sqlite import DatabaseInUseError
from app.db.tx import Tx
from tests.db.opened import opened

ADD = text("INSERT INTO schedule_slots (job, slot, owner) VALUES (:job, :slot, 'me')")
SLOTS = text("SELECT slot FROM schedule_slots ORDER BY slot")


def add(tx: Tx, slot: int) -> int:
    tx.run(ADD, job="job", slot=slot)
    return slot


def adding(slot: int) -> Callable[[Tx], int]:
    return lambda tx: add(tx, slot)


def slots(tx: Tx) -> list[int]:
    return [row.slot for row in tx.all(SLOTS)]


def add_and_fail(tx: Tx, slot: int) -> int:
    add(tx, slot)
    raise LookupError(str(slot))


async def test_a_unit_that_raises_is_rolled_back_alone(database_url: str) -> None:
    async with opened(database_url) as database:
        units = [partial(add if n % 3 else add_and_fail, slot=n) for n in range(100)]
        answers = await asyncio.gather(*map(database.write, units), return_exceptions=True)
        kept = [n for n in range(100) if n % 3]
        assert [answer for answer in answers if isinstance(answer, int)] == kept
        assert sum(isinstance(answer, LookupError) for answer in answers) == 34
        assert await database.read(slots) == kept


async def test_a_reader_sees_what_was_acknowledged(database_url: str) -> None:
    async with opened(database_url) as database:
        for slot in range(20):
            await database.write(adding(slot))
            assert slot in await database.read(slots)


async def test_what_a_reader_writes_is_not_kept(database_url: str) -> None:
    async with opened(database_url) as database:
        await database.read(lambda tx: add(tx, 1))
        assert await database.read(slots) == []


async def test_a_second_holder_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    async with opened(url):
        with pytest.raises(DatabaseInUseError, match="Another process"):
            async with opened(url):
                pass


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    code = (
        "import asyncio, sys\n"
        "from tests.db.opened import opened\n"
        "from app.db.sqlite import DatabaseInUseError\n"
        "async def main():\n"
        "    try:\n"
        "        async with opened(sys.argv[1]): return 0\n"
        "    except DatabaseInUseError: return 7\n"
        "sys.exit(asyncio.run(main()))\n"
    )
    async with opened(url):
        assert subprocess.run([sys.executable, "-c", code, url]).returncode == 7
    assert subprocess.run([sys.executable, "-c", code, url]).returncode == 0


async def test_a_closed_database_refuses_writes_and_has_kept_the_earlier_ones(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    async with opened(url) as database:
        pending = [asyncio.ensure_future(database.write(adding(n))) for n in range(50)]
        await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailableError, match="closed"):
        await database.write(lambda tx: add(tx, 99))
    assert await asyncio.gather(*pending) == list(range(50))
    async with opened(url) as database:
        assert await database.read(slots) == list(range(50))


async def test_a_closed_database_is_whole_in_its_one_file(tmp_path: Path) -> None:
    """Somebody who copies it then has everything; what was left beside it would undo a restored copy."""
    path = tmp_path / "one.db"
    async with opened(f"sqlite:///{path}") as database:
        await database.write(lambda tx: None)
        await glance(database, lambda tx: None)
        await database.read(lambda tx: None)
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith("one.db-")] == []


async def test_a_sequencer_that_fails_fails_every_unit_of_its_commit_and_keeps_nothing(tmp_path: Path) -> None:
    def broken(tx: Tx) -> None:
        raise RuntimeError("no key")

    async with opened(f"sqlite:///{tmp_path}/one.db", broken) as database:

        def unit(tx: Tx) -> None:
            add(tx, 1)
            tx.staged.append(("acme", None))  # type: ignore[arg-type]

        with pytest.raises(DatabaseUnavailableError, match="no key"):
            await database.write(unit)
        assert await database.read(slots) == []
