"""SQLite leaves old bytes in pages that it frees, unless told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.audit.rows import sqlite_of
from app.db.connect import sqlite_path
from app.db.tx import Tx


@contextmanager
def zeroing(tx: Tx) -> Iterator[None]:
    """What is overwritten or removed inside is zeroed in the file. PostgreSQL's old row versions go with VACUUM."""
    connection = sqlite_of(tx)
    if connection is None:
        yield
        return
    connection.execute("PRAGMA secure_delete=ON").fetchall()
    try:
        yield
    finally:
        connection.execute("PRAGMA secure_delete=OFF").fetchall()


async def empty_wal(url: str) -> None:
    """Move what was written into the file and empty the write-ahead log, which still holds the pages as they were.

    Left undone while somebody reads: SQLite does it by itself later.
    """
    path = sqlite_path(url)
    if path is not None:
        await asyncio.to_thread(_checkpoint, path)


def _checkpoint(path: Path) -> None:
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=2)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
