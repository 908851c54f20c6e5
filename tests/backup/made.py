"""Databases with something in them, and what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import inspect, text

from app.backup import make
from app.backup.make import Keep, Made
from app.backup.own_keys import log_keys
from app.backup.produce import produce
from app.backup.restore import Restored, Wish, restore
from app.backup.seal import signing
from app.blobs.store import BlobStore
from app.clock import SECOND
from app.db.database import Database
from app.db.tx import Tx
from app.keys import files
from app.keys.service import open_database
from app.settings.model import AuditSettings, DatabaseSettings, KeySettings, Settings
from app.sinks.model import Sink
from app.verification.report import Report
from app.verification.verify import verify
from manifests.record import Draft, facts
from tests.audit.made import AT, draft, stage
from tests.sinks.made import Clock, World, catch_up


def quiet(_what: str, _done: int) -> None:
    """No progress is shown."""


def settings(url: str, folder: Path, *, worm: bool = False) -> Settings:
    """All databases of one test have the same keys and, if any, the same WORM folder."""
    return Settings(
        database=DatabaseSettings(url=SecretStr(url)),
        keys=KeySettings(directory=folder / "keys"),
        audit=AuditSettings(folder=folder / "worm" if worm else None),
    )


@asynccontextmanager
async def service(url: str, folder: Path, clock: Clock | None = None) -> AsyncIterator[Database]:
    """A database as the service has it open."""
    database, _ = await open_database(settings(url, folder), clock or Clock())
    try:
        yield database
    finally:
        await database.close()


def _content(tx: Tx, first: int, count: int) -> None:
    blobs = BlobStore(lambda: AT)
    for number in range(first, first + count):
        digest = blobs.put(tx, "snapshot", b'{"parts":{}}' + b" " * number)
        tx.run(text("INSERT INTO schedule_slots (job, slot, owner) VALUES ('job', :slot, 'me ☺')"), slot=number)
        tx.stage("acme", _naming(number, digest))


def _naming(number: int, digest: str) -> Draft:
    return Draft(
        trace_id=f"trace-{number % 3}", ts=AT + number, stage="verify", event="decision.recorded", component="gate",
        resource=f"decision/{number}", outcome="wait", data=facts({"snapshot": digest}),
    )  # fmt: skip


async def write(database: Database, first: int, count: int) -> None:
    """Rows, blobs and records that name them."""
    await database.write(partial(_content, first=first, count=count))


async def fill(url: str, folder: Path, count: int = 20, first: int = 0) -> None:
    async with service(url, folder) as database:
        await write(database, first, count)
        await stage(database, "other", [draft(number) for number in range(first, first + 3)])


def back_up(url: str, folder: Path, at: int = AT, keep: Keep | None = None) -> Made:
    mine = settings(url, folder)
    keys = log_keys(mine)
    sign = signing(lambda: files.load(mine.keys, create=False).log)
    return make.make(folder / "backups", at, lambda part: produce(url, part, keys, lambda: at, quiet), sign, keep)


async def backed_up(url: str, folder: Path, at: int = AT, keep: Keep | None = None) -> Made:
    return await asyncio.to_thread(back_up, url, folder, at, keep)


async def restored(url: str, folder: Path, backup: Path, sinks: Sequence[Sink] = (), **options: Any) -> Restored:
    return await restore(Wish(backup, url, **options), settings(url, folder), sinks, Clock(AT + 60 * SECOND), quiet)


async def found(url: str, folder: Path) -> Report:
    keys = [files.load(settings(url, folder).keys, create=False).log.public]
    return await asyncio.to_thread(verify, url, keys, clock=lambda: AT, thorough=True)


async def contents(url: str, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """By table all rows, in an order that does not depend on the database."""
    async with service(url, folder) as database:
        return await database.read(_rows)


def _rows(tx: Tx) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in inspect(tx.connection).get_table_names():
        rows = tx.connection.execute(text(f"SELECT * FROM {table}")).all()
        found[table] = sorted((tuple(row) for row in rows), key=repr)
    return found


async def deliver(database: Database, sink: Sink, clock: Clock) -> None:
    """Bring everything to a sink, as the service would."""
    clock.after(6)
    await catch_up(World(database, clock).worker(sink))
