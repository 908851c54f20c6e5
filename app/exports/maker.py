"""The one task that makes exports.

A job that was interrupted, by a restart or by the end of a replica, begins again from the start: a file is there
whole or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import structlog

from app.audit.errors import NoProofError, RecordAlteredError, TreeAlteredError
from app.clock import SECOND, Clock, NewId
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.exports import records, store
from app.exports.errors import ExportError
from app.exports.job import LEASE_S, Job, StoppedError
from app.exports.model import Summary
from app.exports.places import remove_others
from app.exports.run import ARCHIVE, export
from app.exports.store import Export
from app.search.errors import QueryError
from app.sinks.compare import Verifiers

MAX_ATTEMPTS = 3
POLL_S = 5.0
SWEEP_S = 3_600
KEPT_FREE = 1 << 30
"""Bytes. A full disk stops every decision, so whoever may export cannot fill it."""

_log = structlog.get_logger()


def free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


class Maker:
    """``directory`` keeps the files, ``keep_days`` long; it is made when the first is. ``verifiers`` gives a log's
    keys, ``free`` how many bytes are free where a folder is."""

    def __init__(
        self, database: Database, directory: Path, keep_days: int, verifiers: Verifiers, clock: Clock, make_id: NewId,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:  # fmt: skip
        self._database = database
        self._directory = directory
        self._keep_us = keep_days * 86_400 * SECOND
        self._verifiers = verifiers
        self._clock = clock
        self._free = free
        self._owner = make_id()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._database.dialect == "sqlite":
            await self._database.write(store.free_all)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """What is being made is put back, and begins again with the next start."""
        self._stopping.set()
        self._wake.set()
        if self._task is not None:
            await self._task

    def wake(self) -> None:
        self._wake.set()

    def path_of(self, found: Export) -> Path:
        """Where its file is, or will be. An attempt that was given up elsewhere cannot write over another's."""
        ending = ARCHIVE if found.ask.format == "tiles" else f".{found.ask.format}"
        return self._directory / f"{found.id}-{found.attempts}{ending}"

    async def turn(self) -> bool:
        """Make the oldest export that waits; whether there was one. Raises DatabaseUnavailableError."""
        now = self._clock()
        if not await self._database.read(lambda tx: store.due(tx, now)):
            return False
        found = await self._database.write(lambda tx: store.claim(tx, self._owner, now, now + LEASE_S * SECOND))
        if found is None:
            return False
        if found.attempts > MAX_ATTEMPTS:
            await self._fail(found, f"it was begun {MAX_ATTEMPTS} times and never came to an end")
            return True
        try:
            await self._make(found)
        except StoppedError:
            await self._database.write(lambda tx: store.release(tx, found.id, self._owner))
        except (ExportError, QueryError, RecordAlteredError, TreeAlteredError, NoProofError) as error:
            await self._fail(found, str(error))
        except OSError as error:
            # The caller need not know where files lie.
            await self._fail(found, f"the file cannot be written: {error.strerror}")
        return True

    async def sweep(self) -> None:
        """Forget what is old enough, and remove files that belong to nothing."""
        before = self._clock() - self._keep_us
        await self._database.write(lambda tx: store.expire(tx, before))
        # Listed before the ids are read, so that what is begun meanwhile is not among them.
        there = await asyncio.to_thread(lambda: list(self._directory.glob("*")))
        await asyncio.to_thread(remove_others, there, await self._database.read(store.ids))

    async def _run(self) -> None:
        swept = 0
        while not self._stopping.is_set():
            self._wake.clear()
            more = False
            try:
                if not 0 <= self._clock() - swept < SWEEP_S * SECOND:
                    swept = self._clock()
                    await self.sweep()
                more = await self.turn()
            except DatabaseUnavailableError as error:
                _log.warning("export.put_off", error=str(error))
            except Exception as error:
                _log.exception("export.failed", error=repr(error))
            if not more and not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_S)

    async def _make(self, found: Export) -> None:
        path, job = self.path_of(found), Job(self._database, found.id, self._owner, self._clock, self._stopping)
        keys = tuple(self._verifiers(found.ask.log))

        def progress(done: int, total: int) -> None:
            free = self._free(self._directory)
            if free < KEPT_FREE:
                raise ExportError(
                    f"expected at least {KEPT_FREE >> 20} MiB left free where exports lie, found {free >> 20}; "
                    "remove exports or ask for less"
                )
            job.progress(done, total)

        def work() -> tuple[Summary, int]:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            return export(job.read, found.ask, path, keys, progress), path.stat().st_size

        summary, size = await asyncio.to_thread(work)
        at = self._clock()

        def unit(tx: Tx) -> bool:
            held = store.done(tx, found.id, self._owner, summary, size, at)
            if held:
                records.exported(tx, found, summary, at)
            return held

        if not await self._database.write(unit):
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _fail(self, found: Export, error: str) -> None:
        _log.warning("export.failed", export=found.id, error=error)
        await self._database.write(lambda tx: store.failed(tx, found.id, self._owner, error, self._clock()))
