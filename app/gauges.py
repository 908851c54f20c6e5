"""Keeps the numbers current that nobody counts: what waits to be done, how long the logs are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from app.audit import store as audit
from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.search import index
from app.work import store as work

EVERY_S = 5.0

_log = structlog.get_logger()


class Gauges:
    """Reads the gauges every five seconds between ``start`` and ``stop``; ``logs`` are the names of the logs."""

    def __init__(self, database: Database, metrics: Metrics, logs: Sequence[str], clock: Clock) -> None:
        self._database = database
        self._metrics = metrics
        self._logs = tuple(logs)
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def read(self) -> None:
        """Once, now."""
        await self._database.read(self._read)

    def _read(self, tx: Tx) -> None:
        now = self._clock()
        backlog = work.backlog(tx, now)
        self._metrics.work_due.set(backlog.due)
        self._metrics.work_oldest_seconds.set(max(now - backlog.since, 0) / SECOND if backlog.due else 0)
        for log in self._logs:
            self._metrics.log_size.labels(log=log).set(audit.head(tx, log).size)
            self._metrics.log_indexed.labels(log=log).set(index.size(tx, log))

    async def _run(self) -> None:
        while True:
            try:
                await self.read()
            except Exception as error:
                _log.warning("gauges.unread", error=repr(error))
            await asyncio.sleep(EVERY_S)
