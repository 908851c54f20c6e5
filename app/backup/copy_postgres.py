"""One state of a PostgreSQL database, as a new SQLite file: table by table, all seen by one snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from app.backup.errors import BackupError
from app.backup.model import Progress
from app.backup.tables import Table, make_schema, tables
from app.db.connect import driver_url
from app.db.upgrade import current

MOST_ROWS = 4096
MOST_BYTES = 8 << 20
"""Of one fetch, roughly: rows of some tables are hashes, of others whole documents."""

_NAMES = text(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() "
    "AND table_type = 'BASE TABLE'"
)


async def copy(url: str, target: Path, progress: Progress) -> None:
    """Into ``target``, which is empty. Raises BackupError."""
    engine = create_async_engine(driver_url(url), isolation_level="REPEATABLE READ", pool_size=1, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET TRANSACTION READ ONLY"))
            revision = await connection.run_sync(current)
            if revision is None:
                raise BackupError("expected a database of this service, found one without its schema")
            make_schema(target, revision)
            there = {row.name for row in await connection.execute(_NAMES)}
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await _copy_all(driver, there, target, progress)
    except (DBAPIError, OSError, sqlite3.Error) as error:
        raise BackupError(f"expected to copy the database into {target.parent}, found: {error}") from error
    finally:
        await engine.dispose()


async def _copy_all(driver: Any, there: set[str], target: Path, progress: Progress) -> None:
    with closing(sqlite3.connect(target, isolation_level=None)) as writing:
        # Whoever reads the file later makes sure that it is on the disk; a file that is half is thrown away.
        writing.execute("PRAGMA journal_mode = MEMORY")
        writing.execute("PRAGMA synchronous = OFF")
        writing.execute("BEGIN")
        for table in tables(writing):
            if table.name not in there:
                raise BackupError(f"expected table {table.name} in the database, found none")
            rows = 0
            async for batch in _rows(driver, table):
                writing.executemany(table.insert, batch)
                rows += len(batch)
                progress(f"rows of {table.name}", rows)
        writing.execute("COMMIT")


async def _rows(driver: Any, table: Table) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
    cursor = await driver.cursor(table.select)
    wanted = 64
    while found := await cursor.fetch(wanted):
        rows = [tuple(row) for row in found]
        yield rows
        size = sum(len(value) for row in rows for value in row if isinstance(value, bytes | str))
        wanted = max(1, min(MOST_ROWS, wanted * 2, wanted * MOST_BYTES // max(size, 1)))
