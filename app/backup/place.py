"""Put a finished SQLite file where it is to serve: as the file itself, or into PostgreSQL in one transaction.

Whoever is killed meanwhile leaves the target as it was: empty.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from app.backup import files
from app.backup.errors import BackupError, NotEmptyError
from app.backup.model import Progress
from app.backup.tables import Table, reading, tables
from app.db import guards, sqlite
from app.db.connect import MIGRATION_LOCK, driver_url
from app.db.upgrade import upgrade

ROWS = 1024

_THERE = text(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() "
    "AND table_type = 'BASE TABLE'"
)
_SERIAL = text("SELECT pg_get_serial_sequence(:name, 'id') AS name")
_ID = "id"


def sqlite_is_empty(path: Path) -> None:
    """Raises NotEmptyError for a file that holds a single row, and for what another database left beside it."""
    for suffix in ("-wal", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists() and beside.stat().st_size:
            raise NotEmptyError(f"expected no {beside}, found one: it holds changes of another database; move it away")
    if not path.exists() or not path.stat().st_size:
        return
    with closing(sqlite3.connect(path)) as connection:
        try:
            found = next((one.name for one in tables(connection) if _has_rows(connection, one)), None)
        except sqlite3.DatabaseError as error:
            raise NotEmptyError(f"expected nothing at {path}, found a file that is no database: {error}") from error
    if found is not None:
        raise NotEmptyError(f"expected no database or an empty one at {path}, found rows in {found}; restore elsewhere")


async def postgres_is_empty(url: str) -> None:
    """Raises NotEmptyError, BackupError."""
    engine = create_async_engine(driver_url(url))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_empty)
    except (DBAPIError, OSError) as error:
        raise BackupError(f"expected a database to restore to, found: {error}") from error
    finally:
        await engine.dispose()


def into_sqlite(made: Path, target: Path) -> None:
    """``made`` lies in a folder beside the target. Raises BackupError."""
    with sqlite.lock(target):
        sqlite_is_empty(target)
        for suffix in ("-wal", "-shm", "-journal"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        made.chmod(0o600)
        files.sync(made)
        os.replace(made, target)
        files.sync(target.parent)


async def into_postgres(made: Path, url: str, progress: Progress) -> None:
    """All tables in one transaction. Raises BackupError."""
    engine = create_async_engine(driver_url(url), hide_parameters=True)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            await connection.run_sync(_fill, made, progress)
    except (DBAPIError, OSError, sqlite3.Error) as error:
        raise BackupError(f"expected to write the database, found: {error}; it is as it was before") from error
    finally:
        await engine.dispose()


def _fill(connection: Connection, made: Path, progress: Progress) -> None:
    _empty(connection)
    upgrade(connection)
    adapted: Any = connection.connection.dbapi_connection
    with reading(made) as source:
        for table in tables(source):
            _copy(adapted, source, table, progress)
            if _ID in table.columns:
                _go_on_counting(connection, table)
    guards.check(connection, migration=True)


def _copy(adapted: Any, source: sqlite3.Connection, table: Table, progress: Progress) -> None:
    rows = source.execute(table.select)
    done = 0
    while batch := list(islice(rows, ROWS)):
        _refuse_nul(table, batch)
        # Bound by default: the call happens before the next batch.
        adapted.run_async(
            lambda raw, batch=batch: raw.copy_records_to_table(table.name, records=batch, columns=table.columns)
        )
        done += len(batch)
        progress(f"rows of {table.name}", done)


def _refuse_nul(table: Table, batch: Sequence[tuple[Any, ...]]) -> None:
    for row in batch:
        for column, value in zip(table.columns, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                raise BackupError(
                    f"{table.name}.{column} holds a text with a NUL, which PostgreSQL cannot store: restore to SQLite"
                )


def _go_on_counting(connection: Connection, table: Table) -> None:
    sequence = connection.execute(_SERIAL, {"name": table.name}).scalar()
    if sequence:
        connection.execute(
            text(f"SELECT setval('{sequence}', coalesce(max(id), 1), max(id) IS NOT NULL) FROM {table.name}")
        )


def _empty(connection: Connection) -> None:
    for row in connection.execute(_THERE).all():
        if row.name != "alembic_version" and connection.execute(text(f'SELECT 1 FROM "{row.name}" LIMIT 1')).first():
            raise NotEmptyError(f"expected an empty database, found rows in {row.name}; restore elsewhere")


def _has_rows(connection: sqlite3.Connection, table: Table) -> bool:
    return connection.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone() is not None
