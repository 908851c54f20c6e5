"""Hold the log against its anchors: an older state that was restored, a cut tail and a second history show here.

Only a checkpoint that our key signed can refute the log. What anybody may have put there is told, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import structlog
from sqlalchemy import text

from app.audit.errors import RecordAlteredError
from app.backup.records import ranges_given_up
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.keys import records as key_records
from app.metrics import Metrics
from app.sinks import records, store
from app.sinks.model import Anchor, AnchorSink, Sink
from manifests import checkpoint
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.merkle import Frontier
from manifests.note import VerifierKey

LEAVES_AT_ONCE = 16_384

_LEAVES = text("SELECT leaf FROM records WHERE log = :log AND seq >= :first AND seq < :end ORDER BY seq")

Verifiers = Callable[[str], Sequence[VerifierKey]]
"""The keys that sign a log's checkpoints now, under the log's name; there is at least one."""

Acceptable = Callable[[int], Sequence[VerifierKey]]
"""By size, the keys whose signature over so many records counts."""

_log = structlog.get_logger()


class Comparison:
    def __init__(self, database: Database, verifiers: Verifiers, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._verifiers = verifiers
        self._clock = clock
        self._metrics = metrics
        self._edges: dict[str, Frontier] = {}

    async def __call__(self, sink: Sink, log: str) -> str:
        """What the anchors of this sink refute, nothing when all is well; decisions learn of it by the table.

        Raises NeighbourError when the anchors cannot be read: that refutes nothing.
        """
        if sink.anchors is None:
            return ""
        try:
            problem = await self._problem(sink, sink.anchors, log)
        except (RecordAlteredError, ManifestError) as error:
            # Which keys' anchors count is told by records of the log itself.
            problem = str(error)
        await self._database.write(lambda tx: self._tell(tx, sink.name, log, problem))
        return problem

    async def _problem(self, sink: Sink, anchors: AnchorSink, log: str) -> str:
        progress = await self._database.read(lambda tx: store.progress(tx, sink.name, log))
        found = await anchors.newest(log, progress.anchor_version)
        vouched = self._vouched(sink, log, found, await self._acceptable(log))
        newest = max((one.size for _, one in vouched), default=0)
        if newest < progress.anchored_size:
            self._metrics.alarm("anchor", f"{sink.name}: the newest anchor of log {log} is not there any more.")
            _log.error("anchor.missing", sink=sink.name, log=log, expected=progress.anchored_size, found=newest)
        return await self._refuted(sink, log, vouched) or await anchors.contradicts(log)

    async def _acceptable(self, log: str) -> Acceptable:
        """Keys that we hold now count whatever the log says of them, since it is the log that is in question here; keys
        that went before them count as far as it says."""
        held = tuple(self._verifiers(log))
        keys = tuple(one.key for one in held)
        history = await self._database.read(lambda tx: key_records.history(tx, log, held[0].name, *keys))
        return lambda size: tuple({*held, *history.acceptable(size)})

    def _vouched(
        self, sink: Sink, log: str, anchors: Sequence[Anchor], acceptable: Acceptable
    ) -> list[tuple[Anchor, Checkpoint]]:
        """Those that our keys signed for this log, smallest first."""
        origin = self._verifiers(log)[0].name
        found = []
        for anchor in anchors:
            try:
                size = checkpoint.parse(anchor.note)[0].size
                found.append((anchor, checkpoint.verify(anchor.note, origin, acceptable(size))))
            except ManifestError as error:
                self._metrics.alarm("anchor", f"{sink.name}: somebody else put a checkpoint of log {log} there.")
                _log.error("anchor.strange", sink=sink.name, log=log, where=anchor.where, error=str(error))
        return sorted(found, key=lambda pair: pair[1].size)

    async def _refuted(self, sink: Sink, log: str, vouched: Sequence[tuple[Anchor, Checkpoint]]) -> str:
        if not vouched:
            return ""
        frontier = self._edges.pop(log, Frontier())
        if frontier.size > vouched[0][1].size or not await self._has(log, frontier.size):
            frontier = Frontier()
        given_up = await self._database.read(lambda tx: ranges_given_up(tx, log))
        for anchor, found in vouched:
            if any(found.size - 1 in gone for gone in given_up):
                continue
            where = f"{sink.name} ({anchor.where})"
            if not await self._grow(frontier, log, found.size):
                return f"{where} vouches for {found.size} records, the log has {frontier.size}: it was rolled back."
            if frontier.root() != found.root:
                return f"{where} vouches for another tree of {found.size} records than the log has: it was forked."
        self._edges[log] = frontier
        return ""

    async def _has(self, log: str, size: int) -> bool:
        """Whether the last of so many records, read by a comparison before, is still there."""
        row = await self._database.read(lambda tx: tx.first(_LEAVES, log=log, first=max(size - 1, 0), end=size))
        return not size or row is not None

    async def _grow(self, frontier: Frontier, log: str, size: int) -> bool:
        """Whether the log has so many records; ``frontier`` is over them, or over all there are."""
        while frontier.size < size:
            first, end = frontier.size, min(size, frontier.size + LEAVES_AT_ONCE)
            grown = await self._database.read(partial(_grown, frontier=frontier, log=log, first=first, end=end))
            if not grown:
                return False
        return True

    def _tell(self, tx: Tx, sink: str, log: str, problem: str) -> None:
        if store.refuted(tx, sink, log, problem):
            if problem:
                self._metrics.alarm("anchor", f"Log {log}: {problem}")
            tx.stage(records.SYSTEM, records.told(sink, problem, log, self._clock()))


def _grown(tx: Tx, *, frontier: Frontier, log: str, first: int, end: int) -> bool:
    """On a reading thread: hashing is not for the event loop."""
    leaves = [bytes(row.leaf) for row in tx.all(_LEAVES, log=log, first=first, end=end)]
    if frontier.size == first:
        frontier.extend(leaves)
    return len(leaves) == end - first
