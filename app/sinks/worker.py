"""Feeds one sink with all logs, on the one replica that holds its lease."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence

import structlog

from app.audit.errors import RecordAlteredError, TreeAlteredError
from app.blobs.copying import PROGRESS, BlobCopying
from app.blobs.errors import BlobError
from app.blobs.store import BlobStore
from app.clock import SECOND, Clock
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.sinks import store
from app.sinks.anchoring import Anchoring
from app.sinks.compare import Comparison
from app.sinks.delivery import Delivery, LeaseLostError
from app.sinks.model import Sink
from integrations.errors import NeighbourError, NotFoundError, RefusedError

POLL_S = 0.5
LEASE_S = 120
MAX_BACKOFF_S = 60

_KNOWN = (NeighbourError, DatabaseUnavailableError, LeaseLostError, RecordAlteredError, TreeAlteredError, BlobError)

_log = structlog.get_logger()


class SinkWorker:
    def __init__(
        self, sink: Sink, database: Database, compare: Comparison, blobs: BlobStore, clock: Clock, owner: str,
        keepers: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """``keepers`` are the sinks that are to hold every blob, this one among them."""
        self._sink = sink
        self._database = database
        self._clock = clock
        self._owner = owner
        self._deliver = Delivery(sink.name, sink.segments, database, clock) if sink.segments else None
        self._anchor = Anchoring(sink, sink.anchors, database, compare, clock) if sink.anchors else None
        self._copy = BlobCopying(sink.name, sink.blobs, database, blobs, clock, keepers) if sink.blobs else None
        self._wake = asyncio.Event()
        self._failures = 0
        self._held_until = 0

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. A failure is told and tried again, later every time."""
        try:
            while True:
                self._wake.clear()
                more = await self._turn_safely()
                if self._failures:
                    await asyncio.sleep(_backoff(self._failures))
                elif not more:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), POLL_S)
        finally:
            with contextlib.suppress(Exception):
                await self._database.write(lambda tx: store.release(tx, self._sink.name, self._owner))

    async def turn(self) -> bool:
        """Bring everything that is due outside; whether more is due already.

        A log that is refused does not stop the others; a sink that is not there stops the turn. Raises the first
        failure: NeighbourError, RecordAlteredError, LeaseLostError, DatabaseUnavailableError.
        """
        more = False
        refused: Exception | None = None
        for log, _ in await self._database.read(store.logs):
            if not await self._hold():
                return False
            try:
                more = await self._feed(log) or more
            except (RefusedError, NotFoundError, RecordAlteredError, TreeAlteredError) as error:
                await self._failed(log, error)
                refused = refused or error
            except Exception as error:
                await self._failed(log, error)
                raise
        if refused is not None:
            raise refused
        if self._copy is not None and await self._hold():
            more = await self._copy_blobs(self._copy) or more
        return more

    async def _copy_blobs(self, copy: BlobCopying) -> bool:
        try:
            return await copy()
        except Exception as error:
            await self._failed(PROGRESS, error)
            raise

    async def _feed(self, log: str) -> bool:
        if self._anchor is not None:
            await self._anchor(log)
        return await self._deliver(log) if self._deliver is not None else False

    async def _turn_safely(self) -> bool:
        try:
            more = await self.turn()
        except Exception as error:
            self._failures += 1
            known = isinstance(error, _KNOWN)
            _log.warning(
                "sink.failed", sink=self._sink.name, error=str(error), failures=self._failures, exc_info=not known
            )
            return False
        self._failures = 0
        return more

    async def _hold(self) -> bool:
        """Whether this replica feeds the sink; asked of the database when half of the lease is over."""
        now = self._clock()
        if LEASE_S * SECOND // 2 <= self._held_until - now <= LEASE_S * SECOND:
            return True
        until = now + LEASE_S * SECOND
        if not await self._database.write(lambda tx: store.lease(tx, self._sink.name, self._owner, now, until)):
            self._held_until = 0
            self._forget()
            return False
        if now > self._held_until:
            self._forget()
        self._held_until = until
        return True

    def _forget(self) -> None:
        """Another may have been at work, or an attempt may have left something behind."""
        if self._deliver is not None:
            self._deliver.forget()
        if self._anchor is not None:
            self._anchor.forget()

    async def _failed(self, log: str, error: Exception) -> None:
        if self._deliver is not None:
            self._deliver.forget()
        with contextlib.suppress(DatabaseUnavailableError):
            await self._database.write(lambda tx: self._note(tx, log, str(error)))

    def _note(self, tx: Tx, log: str, error: str) -> None:
        store.begin(tx, self._sink.name, log)
        store.failed(tx, self._sink.name, log, error)


def _backoff(failures: int) -> float:
    most: float = min(MAX_BACKOFF_S, 0.5 * 2 ** min(failures, 10))
    return most * (0.5 + random.random() / 2)  # noqa: S311 - spreads retries, decides nothing
