"""All sinks of one service: fed, measured, held against what they hold."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import structlog

from app.blobs.store import BlobStore
from app.clock import Clock
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.metrics import Metrics
from app.sinks import records, store
from app.sinks.compare import Comparison, Verifiers
from app.sinks.lag import Lag
from app.sinks.model import Sink
from app.sinks.worker import SinkWorker
from app.sweeps.schedule import Job
from integrations.errors import NeighbourError

MEASURE_S = 5.0
FIRST_LOOK_S = 10.0
"""How long starting waits for the anchors to be compared: a sink that is down delays no release."""

_log = structlog.get_logger()


class Sinks:
    """``owner`` names this replica."""

    def __init__(
        self,
        sinks: Sequence[Sink],
        database: Database,
        verifiers: Verifiers,
        clock: Clock,
        metrics: Metrics,
        blobs: BlobStore,
        owner: str,
    ) -> None:
        self.sinks = tuple(sinks)
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._compare = Comparison(database, verifiers, clock, metrics)
        self._lag = Lag(self.sinks, database, clock, metrics)
        keepers = [sink.name for sink in self.sinks if sink.blobs is not None]
        self._workers = [SinkWorker(sink, database, self._compare, blobs, clock, owner, keepers) for sink in self.sinks]
        self._tasks: list[asyncio.Task[None]] = []

    def jobs(self) -> Mapping[str, tuple[str, Job]]:
        """What the scheduler drives: by name a cron line and what to do."""
        return {"anchors": ("7 * * * *", self.check)} if self.sinks else {}

    async def start(self) -> None:
        """Compare the anchors while nothing is decided yet, then feed the sinks until ``stop``."""
        await self._database.write(self._disown)
        if not self.sinks:
            return
        if self._database.dialect == "sqlite":
            await self._database.write(store.free_all)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self.check()
        self._tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
        self._tasks.append(asyncio.create_task(self._measure_forever()))

    def _disown(self, tx: Tx) -> None:
        """What a place said that the settings no longer name: it would deny for good, and nobody could answer it. That
        it said so, and was taken out, is on record and an alarm."""
        for sink, log, problem in store.disowned(tx, [sink.name for sink in self.sinks]):
            text = f"It was taken out of the settings. Until then it said: {problem}"
            tx.stage(records.SYSTEM, records.told(sink, text, log, self._clock()))
            self._metrics.alarm("sink", f"{sink}, log {log}: {text}")

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sink in self.sinks:
            with contextlib.suppress(Exception):
                await sink.close()

    def wake(self) -> None:
        """Something was recorded."""
        for worker in self._workers:
            worker.wake()

    async def measure(self) -> None:
        await self._lag()

    async def check(self) -> None:
        """Look at every place itself, then hold every log against every anchor outside."""
        await asyncio.gather(*(self._check(sink) for sink in self.sinks))

    async def _check(self, sink: Sink) -> None:
        try:
            problem = " ".join(await sink.problems())
            await self._database.write(lambda tx: self._condition(tx, sink.name, problem))
            logs = await self._database.read(store.logs)
        except (NeighbourError, DatabaseUnavailableError) as error:
            _log.warning("sink.not_checked", sink=sink.name, error=str(error))
            return
        for log, _ in logs:
            try:
                await self._compare(sink, log)
            except (NeighbourError, DatabaseUnavailableError) as error:
                _log.warning("sink.not_compared", sink=sink.name, log=log, error=str(error))

    def _condition(self, tx: Tx, sink: str, problem: str) -> None:
        store.know(tx, sink)
        if not store.condition(tx, sink, problem):
            return
        tx.stage(records.SYSTEM, records.told(sink, problem, "", self._clock()))
        if problem:
            self._metrics.alarm("sink", f"{sink}: {problem}")

    async def _measure_forever(self) -> None:
        while True:
            try:
                await self._lag()
            except DatabaseUnavailableError as error:
                _log.warning("sink.not_measured", error=str(error))
            await asyncio.sleep(MEASURE_S)
