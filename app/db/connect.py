"""Open the database that the settings name, migrated to this version.

An address is `sqlite:///path` or `postgresql://…`. PostgreSQL replicas migrate one at a time, under an
advisory lock.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import guards, sqlite
from app.db.database import Database, Sequencer
from app.db.postgres import PostgresDatabase
from app.db.sqlite import SqliteDatabase
from app.db.stamps import Stamps
from app.db.upgrade import upgrade

MIGRATION_LOCK = 0x636F756E74  # "count"


class AddressError(ValueError):
    """A database's address is of no kind that is known. The text does not show it: it may hold a password."""

    code = "database.address"


def sqlite_path(url: str) -> Path | None:
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def driver_url(url: str) -> str:
    """SQLAlchemy's form of a `postgresql://` address."""
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql") or not separator:
        raise AddressError(
            f"expected sqlite:///path or postgresql://…, found an address of scheme {scheme.partition(':')[0][:40]!r}"
        )
    return f"postgresql+asyncpg://{rest}"


async def migrate(url: str, *, guarded: bool = True) -> None:
    """``guarded``: the triggers of append-only tables must be there before, and are there after, or nothing is done.

    Raises GuardsError.
    """
    path = sqlite_path(url)
    if path is not None:
        await asyncio.get_running_loop().run_in_executor(None, _migrate_sqlite, path, guarded)
    else:
        await _migrate_postgres(driver_url(url), guarded)


async def connect(url: str, sequence: Sequencer, *, guarded: bool = True, stamps: Stamps | None = None) -> Database:
    """``stamps``: how PostgreSQL's staged records are told from those that somebody else put there.

    Raises DatabaseUnavailableError when it cannot be opened or another process holds the file, and GuardsError.
    """
    await migrate(url, guarded=guarded)
    path = sqlite_path(url)
    if path is not None:
        return SqliteDatabase(path, sequence)
    return PostgresDatabase(driver_url(url), sequence, stamps=stamps)


def _migrate_sqlite(path: Path, guarded: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite.lock(path):
        # What people wrote waits in it in the clear: like keys and backups it is its owner's alone.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        engine = sqlite.engine(path)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _upgrade(connection, guarded)
            connection.exec_driver_sql("COMMIT")
        engine.dispose()


async def _migrate_postgres(url: str, guarded: bool) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            await connection.run_sync(_upgrade, guarded)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, guarded: bool) -> None:
    if guarded:
        guards.check(connection)
    upgrade(connection)
    if guarded:
        guards.check(connection, migration=True)
