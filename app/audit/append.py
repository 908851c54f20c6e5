"""Records that come with no state of ours, added to a log directly: many callers share a commit.

What is accepted waits in a queue of bounded size, and its caller is answered once it is on disk. A full queue refuses
at once and takes nothing of the call; a log that cannot be written fails everybody who waits for it. Nothing is tried
again on a caller's behalf: only the caller knows whether a second copy of a record would do harm.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from app.audit.sequence import Appended, LogSequencer
from app.db.database import Database, DatabaseUnavailableError
from app.metrics import Metrics
from manifests import record
from manifests.record import Draft, Unplaced

MAX_RECORDS = 8_192
MAX_BYTES = 16 << 20
PER_COMMIT = 2_048

_log = structlog.get_logger()


class LogFullError(Exception):
    """More records wait for the disk than may. Nothing of this call was taken: try again a little later."""

    code = "audit.full"


class _Call:
    """Records that were accepted together, their greatest size, and who waits for them."""

    __slots__ = ("future", "records", "size")

    def __init__(self, records: list[Unplaced], size: int, future: asyncio.Future[Appended]) -> None:
        self.records = records
        self.size = size
        self.future = future


class Appender:
    """Adds records to logs, those of one call next to each other. One event loop uses it."""

    def __init__(
        self, database: Database, sequencer: LogSequencer, metrics: Metrics, *, max_records: int = MAX_RECORDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:  # fmt: skip
        """``max_records`` and ``max_bytes`` may wait at a time, over all logs. Of one log one transaction is under way:
        more were measured to be slower, as they are smaller and only wait for each other."""
        self._database = database
        self._sequencer = sequencer
        self._metrics = metrics
        self._max_records, self._max_bytes = max_records, max_bytes
        self._records = self._bytes = 0
        self._queues: dict[str, deque[_Call]] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}
        metrics.log_queue.set_function(lambda: self._records)

    async def append(self, log: str, drafts: Sequence[Draft]) -> Appended:
        """Returns once all the records are durable.

        Raises ManifestError for a record that cannot be sealed, LogFullError, and DatabaseUnavailableError when the log
        cannot be written. Then none of them is in the log, unless the connection was lost in the middle of the commit.
        """
        records = [record.unplaced(draft, log) for draft in drafts]
        if not records:
            raise ValueError("expected at least one record to append, found none")
        size = sum([one.size for one in records])
        if self._records + len(records) > self._max_records or self._bytes + size > self._max_bytes:
            self._metrics.log_refused.labels(log=log).inc(len(records))
            raise LogFullError(LogFullError.__doc__)
        self._records += len(records)
        self._bytes += size
        call = _Call(records, size, asyncio.get_running_loop().create_future())
        self._queues.setdefault(log, deque()).append(call)
        if log not in self._writing:
            self._writing[log] = asyncio.create_task(self._write_all(log))
        return await call.future

    async def close(self) -> None:
        """Finish what was accepted."""
        await asyncio.gather(*self._writing.values())

    async def _write_all(self, log: str) -> None:
        while self._queues[log]:
            await self._write(log)
        # Now and not when the task counts as done: who appends in between must start another.
        del self._writing[log]

    async def _write(self, log: str) -> None:
        calls: list[_Call] = []

        def take() -> list[Unplaced]:
            # A unit may run again, and then with the same records.
            if not calls:
                calls.extend(_next(self._queues[log]))
            return [one for call in calls for one in call.records]

        try:
            appended = await self._database.write(lambda tx: self._sequencer.append(tx, log, take))
        except Exception as error:
            calls += self._queues[log]
            self._queues[log].clear()
            self._failed(log, calls, error)
        else:
            self._metrics.log_appended.labels(log=log).inc(len(appended.leaves))
            _answer(calls, appended)
        finally:
            self._records -= sum([len(call.records) for call in calls])
            self._bytes -= sum([call.size for call in calls])

    def _failed(self, log: str, calls: Sequence[_Call], error: Exception) -> None:
        self._metrics.alarm("log", f"The log {log} cannot be written: {error}")
        _log.error("log.unwritable", log=log, calls=len(calls), error=repr(error))
        for call in calls:
            if not call.future.done():
                failure = DatabaseUnavailableError(f"The log {log} could not be written: {error}")
                failure.__cause__ = error
                call.future.set_exception(failure)


def _next(queue: deque[_Call]) -> list[_Call]:
    """The oldest calls: ``PER_COMMIT`` records together, or one call that has more."""
    taken: list[_Call] = []
    count = 0
    while queue and (not taken or count + len(queue[0].records) <= PER_COMMIT):
        count += len(queue[0].records)
        taken.append(queue.popleft())
    return taken


def _answer(calls: Sequence[_Call], appended: Appended) -> None:
    at = 0
    for call in calls:
        end = at + len(call.records)
        if not call.future.done():
            call.future.set_result(Appended(appended.first_seq + at, appended.leaves[at:end]))
        at = end
