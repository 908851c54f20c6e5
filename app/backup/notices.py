"""What the command line leaves for the service to record: on SQLite only the process that serves can write.

The notices lie beside the database; each is removed once it is in the log.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import text

from app.backup import files
from app.backup.records import BackupMade, made
from app.clock import Clock
from app.db.connect import sqlite_path
from app.db.database import Database
from app.db.tx import Tx
from app.tenants.model import SYSTEM

_KNOWN = text("SELECT 1 FROM records WHERE log = :log AND resource = :resource AND event = 'backup.made' LIMIT 1")

_log = structlog.get_logger()


def leave(database: Path, what: BackupMade) -> None:
    folder = _folder(database)
    folder.mkdir(mode=0o700, exist_ok=True)
    part = folder / f".{what.name}"
    part.unlink(missing_ok=True)
    files.write(part, msgspec.json.encode(what))
    files.sync(part)
    os.replace(part, folder / f"{what.name}.json")
    files.sync(folder)


async def record_all(database: Database, url: str, clock: Clock) -> int:
    """How many there were. Raises DatabaseUnavailableError."""
    path = sqlite_path(url)
    found = _read(path) if path is not None else []
    for notice, what in found:
        await database.write(lambda tx, what=what: _record(tx, what, clock()))  # type: ignore[misc]
        notice.unlink(missing_ok=True)
    return len(found)


def _record(tx: Tx, what: BackupMade, at: int) -> None:
    draft = made(what, at)
    if tx.first(_KNOWN, log=SYSTEM, resource=draft.resource) is None:
        tx.stage(SYSTEM, draft)


def _read(database: Path) -> Sequence[tuple[Path, BackupMade]]:
    found = []
    for notice in sorted(_folder(database).glob("*.json")):
        try:
            found.append((notice, msgspec.json.decode(notice.read_bytes(), type=BackupMade)))
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("backup.notice_unreadable", notice=str(notice), error=str(error))
    return found


def _folder(database: Path) -> Path:
    return database.with_name(f"{database.name}.backups")
