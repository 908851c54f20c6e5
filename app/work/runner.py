"""Takes due keys and works on many of them at once, one worker per key."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog

from app.clock import SECOND, Clock
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.work import store
from app.work.store import Lease, LeaseLostError
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError

LEASE_S = 60
WORK_S = 50
"""A worker gives up before its lease ends, so that two never work on one key."""
POLL_S = 1.0
MAX_BACKOFF_S = 300
MAX_GONE_BACKOFF_S = 1800
"""For what is not there: a repository deleted, the App uninstalled. Coming back is an event, and sweeps look too."""

Handler = Callable[[Lease], Awaitable[int | None]]
"""Works on one key and returns when it is due again by the clock alone, or None."""

_log = structlog.get_logger()


class WorkRunner:
    """``handlers`` by the first part of the key (``pull`` for ``pull/1/2``). Those of the kind ``bounded`` take half
    of the workers at most, for whatever they wait for must not keep all others waiting too."""

    def __init__(
        self, database: Database, handlers: Mapping[str, Handler], clock: Clock, *, concurrency: int = 64,
        bounded: str = "",
    ) -> None:  # fmt: skip
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._concurrency = concurrency
        self._bounded = bounded
        self._bounded_running = 0
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        if self._database.dialect == "sqlite":
            await self._database.write(store.release_all)
        self._loop = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Something was marked."""
        self._wake.set()

    async def stop(self) -> None:
        """Take nothing new; let what runs come to its end. What does not in time is taken up after restart."""
        self._stopping = True
        self._wake.set()
        if self._loop is not None:
            await self._loop
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=20)
            for task in late:
                task.cancel()
            # Until they have let go of the database, which is closed next.
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def idle(self) -> bool:
        return not self._running

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            taken = await self._take()
            if taken and len(self._running) < self._concurrency:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)

    async def _take(self) -> int:
        free = self._concurrency - len(self._running)
        if free <= 0:
            return 0
        now = self._clock()
        try:
            leases = await self._database.write(partial(self._claim, now=now, free=free))
        except Exception as error:
            # Whatever it is: a loop that ended here would leave everything undone until a restart.
            expected = isinstance(error, DatabaseUnavailableError)
            _log.error("work.not_taken", error=repr(error), exc_info=not expected)
            await asyncio.sleep(POLL_S)
            return 0
        for lease in leases:
            self._bounded_running += _kind(lease) == self._bounded
            task = asyncio.create_task(self._work(lease))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return len(leases)

    def _claim(self, tx: Tx, now: int, free: int) -> tuple[Lease, ...]:
        until = now + LEASE_S * SECOND
        if not self._bounded:
            return store.claim(tx, now, until, free)
        most = min(free, (self._concurrency + 1) // 2 - self._bounded_running)
        first = store.claim(tx, now, until, most, only=self._bounded) if most > 0 else ()
        return (*first, *store.claim(tx, now, until, free - len(first), but=self._bounded))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _work(self, lease: Lease) -> None:
        kind = _kind(lease)
        try:
            await self._handle(lease, kind)
        finally:
            self._bounded_running -= kind == self._bounded

    async def _handle(self, lease: Lease, kind: str) -> None:
        with structlog.contextvars.bound_contextvars(work=lease.key, attempt=lease.attempt):
            try:
                async with asyncio.timeout(WORK_S):
                    due = await self._handlers[kind](lease)
                await self._database.write(lambda tx: store.finish(tx, lease, due))
            except LeaseLostError as error:
                _log.warning("work.lease_lost", error=str(error))
            except Exception as error:
                await self._failed(lease, error)

    async def _failed(self, lease: Lease, error: Exception) -> None:
        expected = isinstance(error, NeighbourError | DatabaseUnavailableError | TimeoutError)
        _log.warning("work.failed", error=repr(error), failures=lease.failures + 1, exc_info=not expected)
        due = self._clock() + int(_backoff(lease, error) * SECOND)
        try:
            await self._database.write(lambda tx: store.fail(tx, lease, repr(error), due))
        except Exception as unavailable:
            # The lease runs out by itself and the key is taken up again.
            _log.error("work.not_returned", error=repr(unavailable))


def _kind(lease: Lease) -> str:
    return lease.key.partition("/")[0]


def _backoff(lease: Lease, error: Exception) -> float:
    if isinstance(error, RateLimitedError) and error.retry_after is not None:
        return error.retry_after + random.random()  # noqa: S311 - spreads retries, decides nothing
    most = MAX_GONE_BACKOFF_S if isinstance(error, NotFoundError) else MAX_BACKOFF_S
    backoff: float = min(most, 0.5 * 2 ** min(lease.failures, 12))
    return backoff * (0.5 + random.random())  # noqa: S311 - spreads retries, decides nothing
