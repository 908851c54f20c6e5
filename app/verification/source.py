"""Opens what verification reads: one consistent view of a database, while the service may be running."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.db.connect import driver_url, sqlite_path
from app.db.database import DatabaseUnavailableError
from app.verification.port import Source
from app.verification.postgres_source import PostgresSource
from app.verification.sqlite_source import SqliteSource, open_read_only

__all__ = ["open_read_only", "open_source"]


@asynccontextmanager
async def open_source(url: str, snapshot: str = "") -> AsyncIterator[Source]:
    """A read-only view of ``sqlite:///path`` or ``postgresql://…``; with ``snapshot``, that of the source which has it.

    Raises DatabaseUnavailableError when there is no such database or it cannot be read.
    """
    path = sqlite_path(url)
    if path is not None:
        async with _sqlite(path) as source:
            yield source
    else:
        async with _postgres(driver_url(url), snapshot) as source:
            yield source


@asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[Source]:
    connection = open_read_only(path)
    try:
        connection.execute("BEGIN")
        yield SqliteSource(connection)
    except sqlite3.Error as error:
        raise DatabaseUnavailableError(f"The database {path} cannot be read: {error}") from error
    finally:
        connection.close()


@asynccontextmanager
async def _postgres(url: str, snapshot: str) -> AsyncIterator[Source]:
    import asyncpg
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            async with raw.transaction(isolation="repeatable_read", readonly=True):
                if snapshot:
                    # It names no value but a place; the server made it.
                    await raw.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                yield PostgresSource(raw, snapshot)
    except (asyncpg.PostgresError, OSError) as error:
        raise DatabaseUnavailableError(f"The database cannot be read: {error}") from error
    finally:
        await engine.dispose()
