"""Opens what verification reads: one consistent view of a database, while the service may be running."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.db.connect import driver_url, sqlite_path
from app.db.database import DatabaseUnavailableError
from app.verification.port import Source
from app.verification.postgres_source import PostgresSource
from app.verification.sqlite_source import SqliteSource, open_read_only

__all__ = ["open_read_only", "open_source"]


_IN_ORDER = "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off"
"""Indexes have the order that is asked for. Of a table without statistics the planner thinks that it is small, and
sorts every part of it on the disk."""

_POOL_OPTIONS = ("async_fallback", "async_creator_fn", "prepared_statement_cache_size", "prepared_statement_name_func")
"""What an address may say that is not for the driver."""


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
    from sqlalchemy import make_url
    from sqlalchemy.dialects.postgresql.asyncpg import dialect

    # The driver alone connects in half the time, but an address means what it means to the service.
    connect_args: Any = dialect().create_connect_args  # type: ignore[no-untyped-call]
    options = {name: value for name, value in connect_args(make_url(url))[1].items() if name not in _POOL_OPTIONS}
    try:
        connection = await asyncpg.connect(**options)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                if snapshot:
                    # It names no value but a place; the server made it.
                    await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                await connection.execute(_IN_ORDER)
                yield PostgresSource(connection, snapshot)
        finally:
            await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseUnavailableError(f"The database cannot be read: {error}") from error
