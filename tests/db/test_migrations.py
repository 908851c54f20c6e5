"""Any database, empty or of this version, is brought to the newest schema."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db import sqlite
from app.db.connect import driver_url, migrate
from app.db.sqlite import DatabaseInUseError
from app.db.tx import Tx
from app.db.upgrade import current, newest
from tests.audit.made import KEY, draft, stage, verified
from tests.db import previous
from tests.db.opened import opened


async def test_an_empty_database_reaches_the_newest_schema(database_url: str) -> None:
    async with opened(database_url) as database:
        assert await database.read(lambda tx: current(tx.connection)) == newest()


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await migrate(database_url)
    await migrate(database_url)
    async with opened(database_url) as database:
        assert await database.read(lambda tx: current(tx.connection)) == newest()


async def test_replicas_that_start_together_migrate_once(postgres_url: str) -> None:
    await asyncio.gather(*(migrate(postgres_url) for _ in range(4)))
    async with opened(postgres_url) as database:
        assert await database.read(lambda tx: current(tx.connection)) == newest()


async def test_a_database_that_is_made_is_its_owners_alone_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    await migrate(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    await migrate(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o640


async def test_a_database_in_use_is_not_migrated(tmp_path: Path) -> None:
    path = tmp_path / "used.db"
    with sqlite.lock(path), pytest.raises(DatabaseInUseError):
        await migrate(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["mysql://somewhere/db", "no address", "sqlite:relative"])
def test_an_address_of_another_kind_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="expected sqlite:///path or postgresql"):
        driver_url(url)


def subtree(leaves: list[bytes]) -> bytes:
    """The root over 256, or 65,536, leaves (RFC 6962 section 2.1)."""
    level = leaves
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]


def tree(tx: Tx, log: str) -> list[tuple[int, int, bytes]]:
    """By level and position, the hashes that are kept."""
    sql = text("SELECT level, position, hash FROM tree_hashes WHERE log = :log ORDER BY level, position")
    return [(row.level, row.position, bytes(row.hash)) for row in tx.all(sql, log=log)]


def leaves_of(tx: Tx, log: str) -> list[bytes]:
    sql = text("SELECT leaf FROM records WHERE log = :log ORDER BY seq")
    return [bytes(row.leaf) for row in tx.all(sql, log=log)]


async def test_a_database_of_the_release_before_loses_nothing_and_still_verifies(database_url: str) -> None:
    before = await previous.make(database_url, {"acme": 600, "small": 3, "full": 256})
    async with opened(database_url, LogSequencer([KEY])) as database:
        assert await database.read(lambda tx: current(tx.connection)) == newest()
        after = await database.read(lambda tx: previous.rows_of(tx.connection, before))
        for table in before.keys() - {"alembic_version"}:
            assert after[table] == before[table], table
        leaves = await database.read(lambda tx: leaves_of(tx, "acme"))
        expected = [(1, nth, subtree(leaves[256 * nth : 256 * (nth + 1)])) for nth in range(2)]
        assert await database.read(lambda tx: tree(tx, "acme")) == expected
        assert len(await database.read(lambda tx: tree(tx, "full"))) == 1
        assert await database.read(lambda tx: tree(tx, "small")) == []
    report = await verified(database_url)
    assert [item for item in report.findings if item.kind == "finding"] == []
    assert {log.log: log.records for log in report.logs}["acme"] == 600


async def test_its_log_goes_on_where_it_ended(database_url: str) -> None:
    await previous.make(database_url, {"acme": 500})
    async with opened(database_url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(500 + number) for number in range(20)])
        leaves = await database.read(lambda tx: leaves_of(tx, "acme"))
        assert (await database.read(lambda tx: tree(tx, "acme")))[1] == (1, 1, subtree(leaves[256:512]))
    assert [item for item in (await verified(database_url)).findings if item.kind == "finding"] == []


async def test_from_the_release_before_the_triggers_fire_always(postgres_url: str) -> None:
    await previous.make(postgres_url, {"acme": 1})
    async with opened(postgres_url) as database:
        sql = text("SELECT DISTINCT tgenabled::text AS enabled FROM pg_trigger WHERE NOT tgisinternal")
        assert [row.enabled for row in await database.read(lambda tx: tx.all(sql))] == ["A"]
