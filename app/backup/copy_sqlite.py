"""One state of a SQLite database that is in use, as a new file.

VACUUM INTO reads in one transaction, which holds up no writer, and writes only what is there: of a key that was
destroyed no bytes remain in free pages, as they would in a copy of the file.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from app.backup.errors import BackupError
from app.backup.model import Progress

TOLD_EVERY = 2_000_000
"""Steps of SQLite's machine."""


def copy(source: Path, target: Path, progress: Progress) -> None:
    """Into ``target``, which is empty. Raises BackupError."""
    if not source.exists():
        raise BackupError(f"expected a database at {source}, found none")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True, isolation_level=None)) as reading:
            reading.set_progress_handler(lambda: progress("bytes copied", target.stat().st_size), TOLD_EVERY)
            reading.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise BackupError(f"expected to copy {source} into {target.parent}, found: {error}") from error
