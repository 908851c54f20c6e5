"""Bring a log's records to one sink, segment by segment.

A segment is put outside first; then the progress and the receipt are recorded in one transaction. A death in between
leaves an object that is found again by its name, so nothing is skipped and nothing is stored twice for no reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.sinks import records, store
from app.sinks.model import Receipt, Segment, SegmentSink, sha256
from app.sinks.segments import next_segments, segment_of

ROUNDS_PER_TURN = 16
"""After so many of one log the others have their turn."""

_Tried = Receipt | BaseException | None

_log = structlog.get_logger()


class LeaseLostError(Exception):
    """Another replica feeds this sink now."""


class Delivery:
    def __init__(self, name: str, sink: SegmentSink, database: Database, clock: Clock) -> None:
        self._name = name
        self._sink = sink
        self._database = database
        self._clock = clock
        self._begun: set[str] = set()
        # Logs of which we know that nothing is stored beyond our progress.
        self._settled: set[str] = set()

    def forget(self) -> None:
        """An attempt failed, or another may have been at work: look before the next one."""
        self._begun.clear()
        self._settled.clear()

    async def __call__(self, log: str) -> bool:
        """Deliver what is due; whether more is due already.

        Raises NeighbourError, RecordAlteredError, LeaseLostError, DatabaseUnavailableError.
        """
        if log not in self._begun:
            if not await self._database.write(lambda tx: self._begin(tx, log)):
                return False
            self._begun.add(log)
        for _ in range(ROUNDS_PER_TURN):
            segments = await self._next(log)
            if not segments:
                return False
            look = log not in self._settled
            tried = await asyncio.gather(
                *(self._sink.deliver(segment, look=look) for segment in segments), return_exceptions=True
            )
            await self._record(log, segments, tried)
        return True

    def _begin(self, tx: Tx, log: str) -> bool:
        """Whether the table's progress is what the log says it is; if not, the log's word counts."""
        store.begin(tx, self._name, log)
        if not self._sink.recorded:
            return True
        said = records.last_delivered(tx, log, self._name)
        if said is None:
            return False
        if store.progress(tx, self._name, log).size != said:
            _log.error("sink.progress_differs", sink=self._name, log=log, recorded=said)
            store.reset(tx, self._name, log, said)
        return True

    async def _next(self, log: str) -> Sequence[Segment]:
        progress = await self._database.read(lambda tx: store.progress(tx, self._name, log))
        if log not in self._settled:
            left = await self._left_behind(log, progress.size)
            if left is not None:
                return [left]
        now = self._clock()
        return await self._database.read(lambda tx: next_segments(tx, log, progress.size, self._sink.limits, now))

    async def _left_behind(self, log: str, first: int) -> Segment | None:
        """The segment that an attempt before stored from ``first`` on and did not live to record."""
        stored = await self._sink.stored(log, first)
        if not stored:
            self._settled.add(log)
        for one in stored:
            if one.first != first:
                continue
            segment = await self._database.read(partial(segment_of, log=log, first=first, end=one.end))
            if segment is not None and sha256(segment.data()) == one.sha256:
                return segment
            _log.error("sink.strange_segment", sink=self._name, log=log, first=first, end=one.end)
        return None

    async def _record(self, log: str, segments: Sequence[Segment], tried: Sequence[_Tried]) -> None:
        """Move on by those that came without a gap; raises the first failure."""
        done: list[tuple[Segment, Receipt | None]] = []
        failure: BaseException | None = None
        for segment, outcome in zip(segments, tried, strict=True):
            if isinstance(outcome, BaseException):
                failure = outcome
                break
            done.append((segment, outcome))
        if done:
            await self._database.write(lambda tx: self._move_on(tx, log, done))
        if failure is not None:
            raise failure

    def _move_on(self, tx: Tx, log: str, done: Sequence[tuple[Segment, Receipt | None]]) -> None:
        now, first, end = self._clock(), done[0][0].first, done[-1][0].end
        last = done[-1][1]
        if not store.delivered(tx, self._name, log, first, end, last.version if last else "", now):
            raise LeaseLostError(f"{self._name}: expected log {log} to stand at {first} still")
        for segment, receipt in done:
            if receipt is not None:
                tx.stage(log, records.delivered(self._name, segment, receipt, now))
