"""Any database, empty or of this version, is brought to the newest schema."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.db import sqlite
from app.db.connect import driver_url, migrate
from app.db.sqlite import DatabaseInUseError
from app.db.upgrade import current, newest
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


async def test_a_database_in_use_is_not_migrated(tmp_path: Path) -> None:
    path = tmp_path / "used.db"
    with sqlite.lock(path), pytest.raises(DatabaseInUseError):
        await migrate(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["mysql://somewhere/db", "no address", "sqlite:relative"])
def test_an_address_of_another_kind_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="expected sqlite:///path or postgresql"):
        driver_url(url)
