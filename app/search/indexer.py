"""Fills the record index behind the logs, a little at a time, so that nobody who appends or decides waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy import text

from app.audit.rows import execute
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.search import index
from app.search.index import Entry
from app.search.model import fields
from app.search.span import Span

BATCH = 2_000
SLICE = 100
"""Rows in one unit on SQLite, where units run on the event loop: one or two milliseconds."""

POLL_S = 1.0
ASIDE_S = 10.0
"""How long a replica leaves the index to another one that was faster."""

PAUSES = 3.0

_BEHIND = text(
    "SELECT h.log, h.size, COALESCE(i.size, 0) AS indexed FROM log_heads h"
    " LEFT JOIN record_index_heads i ON i.log = h.log WHERE h.size > COALESCE(i.size, 0) ORDER BY h.log"
)
_BODIES = "SELECT seq, body FROM records WHERE log = {} AND seq >= {} AND seq < {} ORDER BY seq"

_log = structlog.get_logger()


class Indexer:
    """Runs between ``start`` and ``stop``. What replicas do at once is done by the first and dropped by the others.

    Between two units it rests ``pauses`` times as long as one took.
    """

    def __init__(self, database: Database, *, pauses: float = PAUSES) -> None:
        self._database = database
        self._pauses = pauses
        self._slice = SLICE if database.dialect == "sqlite" else BATCH
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Something was recorded."""
        self._wake.set()

    async def catch_up(self) -> bool:
        """Until every log is indexed as far as it went at the beginning; False: another replica is at it."""
        for log, span in await self._database.read(_behind):
            for low in range(span.low, span.high, BATCH):
                if not await self._add(log, Span(low, min(low + BATCH, span.high))):
                    return False
        return True

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            alone = True
            try:
                alone = await self.catch_up()
            except DatabaseUnavailableError as error:
                _log.warning("index.behind", error=str(error))
            except Exception as error:
                _log.exception("index.failed", error=repr(error))
            if not alone:
                await asyncio.sleep(ASIDE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)

    async def _add(self, log: str, span: Span) -> bool:
        entries = await self._database.read(lambda tx: _entries(tx, log, span))
        for low in range(span.low, span.high, self._slice):
            part = Span(low, min(low + self._slice, span.high))
            own = [one for one in entries if part.low <= one.seq < part.high]
            unit = _Unit(log, part, own)
            if not await self._database.write(unit):
                return False
            await asyncio.sleep(self._pauses * unit.seconds)
        return True


def _behind(tx: Tx) -> list[tuple[str, Span]]:
    return [(row.log, Span(row.indexed, row.size)) for row in tx.all(_BEHIND)]


def _entries(tx: Tx, log: str, span: Span) -> list[Entry]:
    """The rows of the records of a span. One that cannot be read has none: verification and search will name it."""
    found = []
    for seq, body in execute(tx, _BODIES, (log, *span)).fetchall():
        try:
            found.append(index.entry(seq, fields(body)))
        except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
            _log.error("index.unreadable_record", log=log, seq=seq, error=str(error))
    return found


class _Unit:
    """One unit of work, and how long it took."""

    def __init__(self, log: str, span: Span, entries: Sequence[Entry]) -> None:
        self._log = log
        self._span = span
        self._entries = entries
        self.seconds = 0.0

    def __call__(self, tx: Tx) -> bool:
        started = time.perf_counter()
        try:
            return index.add(tx, self._log, self._span, self._entries)
        finally:
            self.seconds = time.perf_counter() - started
