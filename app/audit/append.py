"""Records that belong to no state of ours, added to a log directly: many callers share a commit.

What is accepted waits in a queue of bounded size, and its caller is answered once it is on disk. A full queue refuses at
once and takes nothing; a log that cannot be written fails everybody who waits for it. Either way the caller knows that
nothing was recorded, or (after a lost connection) that it must look.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from app.audit.sequence import Appended, LogSequencer
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.metrics import Metrics
from manifests import record
from manifests.record import Draft, Unplaced

MAX_RECORDS = 8_192
MAX_BYTES = 16 << 20
PER_COMMIT = 2_048

_log = structlog.get_logger()


class LogFullError(Exception):
    """More records wait for the disk than fit in memory. Nothing of this call was taken; try again."""

    code = "audit.full"


class _Waiting:
    """One call: its records, and who waits for them."""

    __slots__ = ("batch", "future", "size")

    def __init__(self, batch: list[Unplaced], size: int, future: asyncio.Future[Appended]) -> None:
        self.batch = batch
        self.size = size
        self.future = future


class Appender:
    """Adds records to logs, those of one log in the order they came. One event loop uses it."""

    def __init__(
        self, database: Database, sequencer: LogSequencer, metrics: Metrics, *, max_records: int = MAX_RECORDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:  # fmt: skip
        self._database = database
        self._sequencer = sequencer
        self._metrics = metrics
        self._max_records, self._max_bytes = max_records, max_bytes
        self._records = self._bytes = 0
        self._queues: dict[str, deque[_Waiting]] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}

    async def append(self, log: str, drafts: Sequence[Draft]) -> Appended:
        """Returns once all the records are durable, next to each other and in their order.

        Raises ManifestError for a record that cannot be sealed, LogFullError, DatabaseUnavailableError; then none of
        them is in the log.
        """
        batch = [record.unplaced(draft, log) for draft in drafts]
        if not batch:
            raise ValueError("expected at least one record to append, found none")
        size = sum([one.size for one in batch])
        if self._records + len(batch) > self._max_records or self._bytes + size > self._max_bytes:
            self._metrics.log_refused.labels(log=log).inc(len(batch))
            raise LogFullError(LogFullError.__doc__)
        self._records += len(batch)
        self._bytes += size
        waiting = _Waiting(batch, size, asyncio.get_running_loop().create_future())
        self._queues.setdefault(log, deque()).append(waiting)
        if log not in self._writing:
            self._writing[log] = asyncio.create_task(self._write_all(log))
        return await waiting.future

    async def close(self) -> None:
        """Finish what was accepted."""
        await asyncio.gather(*self._writing.values())

    async def _write_all(self, log: str) -> None:
        while self._queues[log]:
            await self._write(log)
        del self._writing[log]

    async def _write(self, log: str) -> None:
        together: list[_Waiting] = []

        def take() -> list[Unplaced]:
            # A unit may run again: with the same records.
            together.extend([] if together else _take(self._queues[log]))
            return [unplaced for one in together for unplaced in one.batch]

        try:
            appended = await self._database.write(lambda tx: self._sequencer.append(tx, log, take))
        except Exception as error:
            self._failed(log, together or _take(self._queues[log]), error)
        else:
            _answer(together, appended)
            self._metrics.log_appended.labels(log=log).inc(len(appended.leaves))
        finally:
            self._records -= sum([len(one.batch) for one in together])
            self._bytes -= sum([one.size for one in together])

    def _failed(self, log: str, together: list[_Waiting], error: Exception) -> None:
        self._metrics.alarms.labels(kind="log").inc()
        _log.error("log.unwritable", log=log, calls=len(together), error=repr(error))
        for one in together:
            if not one.future.done():
                failure = DatabaseUnavailableError(f"The log could not be written: {error}")
                failure.__cause__ = error
                one.future.set_exception(failure)


def _take(queue: deque[_Waiting]) -> list[_Waiting]:
    """The oldest calls, ``PER_COMMIT`` records together unless the first has more."""
    taken = [queue.popleft()]
    count = len(taken[0].batch)
    while queue and (count := count + len(queue[0].batch)) <= PER_COMMIT:
        taken.append(queue.popleft())
    return taken


def _answer(together: list[_Waiting], appended: Appended) -> None:
    first, leaves, at = appended.first_seq, appended.leaves, 0
    for one in together:
        end = at + len(one.batch)
        if not one.future.done():
            one.future.set_result(Appended(first + at, leaves[at:end]))
        at = end
