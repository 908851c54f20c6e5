"""Fill a folder with a backup and verify what was written, by reading it back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from app.backup import copy_postgres, copy_sqlite, files
from app.backup.check import verify_log
from app.backup.errors import BackupError
from app.backup.model import DATABASE, FORMAT, MANIFEST, Key, LogState, Manifest, Progress, TableState
from app.backup.tables import reading, revision_of, tables
from app.clock import Clock
from app.db.connect import sqlite_path
from app.db.upgrade import newest

_LOGS = "SELECT log, size FROM log_heads ORDER BY log"
_CHECKPOINT = "SELECT note FROM checkpoints WHERE log = ? AND size = ?"


def produce(url: str, folder: Path, keys: Sequence[Key], clock: Clock, progress: Progress) -> Manifest:
    """One state of the database at this address, into an empty folder that is not in use. Blocks.

    Raises BackupError; BackupAlteredError when the copied log is not whole, which means that the database's is not.
    """
    made_at = clock()
    target = folder / DATABASE
    try:
        files.new_file(target)
        source = sqlite_path(url)
        if source is not None:
            copy_sqlite.copy(source, target, progress)
        else:
            asyncio.run(copy_postgres.copy(url, target, progress))
        # On the disk before it is read back: what is read then is what will be there.
        files.sync(target)
        manifest = _describe(target, "sqlite" if source is not None else "postgresql", made_at)
        files.write(folder / MANIFEST, manifest.encode())
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"expected to write a backup into {folder.parent}, found: {error}") from error
    verify_log(target, keys, clock, progress)
    return manifest


def _describe(target: Path, database: str, made_at: int) -> Manifest:
    with reading(target) as connection:
        revision = revision_of(connection)
        if revision != newest():
            raise BackupError(
                f"expected schema {newest()}, found {revision}: back up with the version that runs, or run "
                "`countersign db upgrade` first"
            )
        logs = tuple(_log(connection, log, size) for log, size in connection.execute(_LOGS).fetchall() if size)
        rows = tuple(
            TableState(table.name, connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])
            for table in tables(connection)
        )
    return Manifest(
        size=os.stat(target).st_size, database=database, format=FORMAT, logs=logs, made_at=made_at, schema=revision,  # type: ignore[arg-type]
        sha256=files.digest(target), tables=rows, version=version("countersign"),
    )  # fmt: skip


def _log(connection: sqlite3.Connection, log: str, size: int) -> LogState:
    row = connection.execute(_CHECKPOINT, (log, size)).fetchone()
    return LogState(checkpoint=str(row[0]) if row else "", log=log, size=size)
