"""PostgreSQL: several replicas. Records are staged with the state, then sequenced under the log's head row."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from app.db.database import DatabaseUnavailableError, Sequencer, Unit
from app.db.refused import AppendOnlyError, Observer, raise_refused
from app.db.stamps import NoStamps, Stamps, Strange
from app.db.tx import Tx
from manifests.merkle import Frontier
from manifests.record import Draft

T = TypeVar("T")
BATCH = 1024
POLL_S = 0.25
"""How long a replica may wait to notice records that another one staged and did not live to sequence."""

SEQUENCED_WITHIN_S = 10.0
"""How long a write waits for its records to be numbered before it reports doubt."""

_STAGE = text(
    "INSERT INTO staged_records (log, draft, stamp) SELECT log, draft, stamp FROM unnest("
    "CAST(:logs AS text[]), CAST(:drafts AS bytea[]), CAST(:stamps AS bytea[])) WITH ORDINALITY"
    " AS staged (log, draft, stamp, nth) ORDER BY nth RETURNING id, log"
)
_LOCK = text("SELECT log FROM log_heads WHERE log = :log FOR UPDATE")
_OPEN = text(
    "INSERT INTO log_heads (log, size, frontier, last_at) VALUES (:log, 0, :frontier, 0) ON CONFLICT DO NOTHING"
)
_LOGS = text("SELECT DISTINCT log FROM staged_records")
_NEXT = text(
    "SELECT id, draft, stamp FROM staged_records WHERE log = :log AND id <> ALL(:refused) ORDER BY id LIMIT :most"
)
_DONE = text("DELETE FROM staged_records WHERE id = ANY(:ids)")
_LEFT = text("SELECT id FROM staged_records WHERE id = ANY(:ids)")
_RETRYABLE = ("40001", "40P01", "55P03")
_UNAVAILABLE = ("08", "25", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that say nothing about the statement: no connection, read-only after a failover, too busy, disk
full, shutting down, failing hardware. (PostgreSQL, appendix A)"""


_LIMITS = "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '5min'"
"""A replica that stands still with a log in its hands must not hold up the others for good: who waits tries again, and
the server ends a transaction in which nothing happens."""


class _Waiter(NamedTuple):
    """Somebody who waits for a record of this log to be numbered."""

    log: str
    future: asyncio.Future[None]


class PostgresDatabase:
    """See Database. The schema must have been migrated already."""

    dialect = "postgresql"

    def __init__(
        self, url: str, sequence: Sequencer, *, stamps: Stamps | None = None, connections: int = 16,
        patience_s: float = 10,
    ) -> None:  # fmt: skip
        """``patience_s``: how long a unit waits for one of the connections."""
        self._engine = create_async_engine(
            url, pool_size=connections, max_overflow=0, pool_pre_ping=False, pool_timeout=patience_s,
            hide_parameters=True,
        )  # fmt: skip
        event.listen(self._engine.sync_engine, "connect", _limit)
        # Its own connection, so that writers waiting for their records cannot keep it from numbering them.
        self._own = create_async_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)
        event.listen(self._own.sync_engine, "connect", _limit)
        self.on_refused: Observer | None = None
        self.on_unwritable: Callable[[str], None] | None = None
        self._sequence = sequence
        self._stamps = stamps or NoStamps()
        self._strange = Strange()
        self._telling: set[asyncio.Future[None]] = set()
        self._staged_in: set[str] = set()
        self._waiting: dict[int, _Waiter] = {}
        self._wake = asyncio.Event()
        self._sequencer: asyncio.Task[None] | None = None
        self._closing = False

    async def write(self, unit: Unit[T]) -> T:
        try:
            return await self._write(unit)
        except DatabaseUnavailableError as error:
            if self.on_unwritable is not None:
                self.on_unwritable(str(error))
            raise

    async def _write(self, unit: Unit[T]) -> T:
        self._start()
        for attempt in range(8):
            try:
                result, ends = await self._write_once(unit)
                break
            except DBAPIError as error:
                if attempt == 7 or getattr(error.orig, "sqlstate", "") not in _RETRYABLE:
                    await raise_refused(error, unit, self.on_refused)
                    raise _translated(error) from error
                await asyncio.sleep(0.005 * 2**attempt)
            except (OSError, PoolTimeoutError) as error:
                raise DatabaseUnavailableError(f"The database cannot be reached: {error}") from error
        else:  # pragma: no cover - the loop always breaks or raises
            raise AssertionError
        if ends:
            await self._sequenced(ends)
        return result

    async def read(self, unit: Unit[T]) -> T:
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(lambda sync: unit(Tx(sync)))
        except DBAPIError as error:
            await raise_refused(error, unit, self.on_refused)
            raise _translated(error) from error
        except (OSError, PoolTimeoutError) as error:
            raise DatabaseUnavailableError(f"The database cannot be reached: {error}") from error

    async def close(self) -> None:
        self._closing = True
        if self._sequencer is not None:
            self._wake.set()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sequencer
        await self._own.dispose()
        await self._engine.dispose()

    def _start(self) -> None:
        if self._sequencer is None:
            self._sequencer = asyncio.create_task(self._sequence_forever())

    async def _write_once(self, unit: Unit[T]) -> tuple[T, dict[str, int]]:
        async with self._engine.begin() as connection:
            return await connection.run_sync(_run, unit, self._stamps)

    async def _sequenced(self, ends: dict[str, int]) -> None:
        """Until each log's last record is numbered: those of one unit are numbered in their order."""
        loop = asyncio.get_running_loop()
        waiters = {number: _Waiter(log, loop.create_future()) for log, number in ends.items()}
        self._waiting |= waiters
        self._staged_in |= ends.keys()
        self._wake.set()
        try:
            async with asyncio.timeout(SEQUENCED_WITHIN_S):
                await asyncio.gather(*[one.future for one in waiters.values()])
        except TimeoutError as error:
            raise _not_sequenced(f"nothing sequenced it within {SEQUENCED_WITHIN_S} s") from error
        finally:
            for number in waiters:
                self._waiting.pop(number, None)

    async def _sequence_forever(self) -> None:
        while not (self._closing and not self._waiting):
            polled = False
            try:
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            except TimeoutError:
                polled = True
            self._wake.clear()
            logs, self._staged_in = self._staged_in, set()
            try:
                await self._sequence_all(logs, look=polled)
                await self._notice_others()
                await self._tell_strange()
            except (DBAPIError, OSError) as error:
                if self._closing:
                    self._fail(error)
                await asyncio.sleep(POLL_S)
            except Exception as error:
                # Trying again will not help, so whoever waits must hear of it.
                self._fail(error)
                await asyncio.sleep(POLL_S)

    async def _sequence_all(self, logs: set[str], *, look: bool) -> None:
        """``look`` for logs that others staged records in and did not live to number."""
        if look:
            async with self._own.connect() as connection:
                logs = logs | {row.log for row in await connection.execute(_LOGS)}
        while await self._sequence_each(sorted(logs)):
            pass

    async def _sequence_each(self, logs: list[str]) -> bool:
        """Whether any log may hold more. A log that fails does not stop the others. Raises DBAPIError, OSError."""
        more = False
        failure: DBAPIError | OSError | None = None
        for log in logs:
            try:
                async with self._own.begin() as connection:
                    done = await connection.run_sync(self._sequence_batch, log)
            except (DBAPIError, OSError) as error:
                failure = error
            except Exception as error:
                # Trying again will not help, so whoever waits for this log must hear of it.
                self._fail(error, log)
            else:
                self._resolve(done)
                more = more or len(done) == BATCH
        if failure is not None:
            raise failure
        return more

    def _sequence_batch(self, connection: Connection, log: str) -> list[int]:
        tx = Tx(connection)
        if tx.first(_LOCK, log=log) is None:
            # A row that is not there cannot be locked: two replicas would both number from 0.
            tx.run(_OPEN, log=log, frontier=Frontier().to_bytes())
            tx.run(_LOCK, log=log)
        found = tx.all(_NEXT, log=log, most=BATCH, refused=self._strange.left_out())
        rows = []
        for row in found:
            if self._stamps.hold(log, row.draft, row.stamp):
                rows.append(row)
            else:
                self._strange.met([row.id])
        if not rows:
            return []
        for row in rows:
            tx.stage(log, msgspec.json.decode(row.draft, type=Draft))
        self._sequence(tx)
        ids = [row.id for row in rows]
        tx.run(_DONE, ids=ids)
        return ids

    async def _notice_others(self) -> None:
        """Another replica may have sequenced what we staged."""
        if not self._waiting:
            return
        ids = list(self._waiting)
        async with self._own.connect() as connection:
            left = {row.id for row in await connection.execute(_LEFT, {"ids": ids})}
        self._resolve([number for number in ids if number not in left])

    async def _tell_strange(self) -> None:
        """What we will not number was put there by somebody who may write the table and has none of our keys."""
        for _ in range(self._strange.to_tell()):
            if self.on_refused is not None:
                # In a task of its own: the observer writes, and this one is who numbers what it writes.
                attempt = AppendOnlyError("staged_records", "INSERT", unit="app.db.postgres")
                telling: asyncio.Future[None] = asyncio.ensure_future(self.on_refused(attempt))
                self._telling.add(telling)
                telling.add_done_callback(self._telling.discard)

    def _resolve(self, ids: list[int]) -> None:
        for number in ids:
            waiter = self._waiting.pop(number, None)
            if waiter is not None and not waiter.future.done():
                waiter.future.set_result(None)

    def _fail(self, error: Exception, log: str | None = None) -> None:
        """Tell those who wait for this log, or everybody."""
        failed = [number for number, one in self._waiting.items() if log in (None, one.log)]
        for number in failed:
            future = self._waiting.pop(number).future
            if not future.done():
                future.set_exception(_not_sequenced(str(error)))


def _limit(adapted: Any, record: object) -> None:
    """Whatever the connection is used for."""
    adapted.run_async(lambda raw: raw.execute(_LIMITS))


def _run(connection: Connection, unit: Unit[T], stamps: Stamps) -> tuple[T, dict[str, int]]:
    """The unit's result, and by log the id of its last staged record."""
    tx = Tx(connection)
    result = unit(tx)
    if not tx.staged:
        return result, {}
    logs = [log for log, _ in tx.staged]
    drafts = [msgspec.json.encode(one.draft) for _, one in tx.staged]
    marks = [stamps.make(log, draft) for log, draft in zip(logs, drafts, strict=True)]
    ends: dict[str, int] = {}
    for row in connection.execute(_STAGE, {"logs": logs, "drafts": drafts, "stamps": marks}):
        ends[row.log] = max(row.id, ends.get(row.log, 0))
    return result, ends


def _not_sequenced(why: str) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(f"The change is stored, but its audit record is not in the log yet: {why}")


def _translated(error: DBAPIError) -> Exception:
    if isinstance(error, InterfaceError | OperationalError) or error.connection_invalidated:
        return DatabaseUnavailableError(f"The database cannot be reached: {error.orig}")
    if (getattr(error.orig, "sqlstate", None) or "")[:2] in _UNAVAILABLE:
        return DatabaseUnavailableError(f"The database cannot be used: {error.orig}")
    return error
