"""Bring a log's newest checkpoint to one sink."""

from __future__ import annotations

from app.audit import store as audit
from app.audit.errors import TreeAlteredError
from app.audit.store import StoredCheckpoint
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.sinks import store
from app.sinks.compare import Comparison
from app.sinks.model import AnchorSink, Sink
from app.sinks.segments import oldest_waiting
from integrations.witness.port import ContradictedError


class Anchoring:
    def __init__(self, sink: Sink, anchors: AnchorSink, database: Database, compare: Comparison, clock: Clock) -> None:
        self._sink = sink
        self._anchors = anchors
        self._database = database
        self._compare = compare
        self._clock = clock
        self._compared: set[str] = set()

    def forget(self) -> None:
        self._compared.clear()

    async def __call__(self, log: str) -> None:
        """Anchor what is due. Raises NeighbourError, TreeAlteredError, DatabaseUnavailableError."""
        if log not in self._compared:
            await self._compare(self._sink, log)
            self._compared.add(log)
        due = await self._database.read(lambda tx: self._due(tx, log))
        if due is None:
            return
        try:
            version = await self._anchors.anchor(log, due.size, due.note.encode())
        except (ContradictedError, TreeAlteredError):
            # The next turn compares, and what comes of that denies.
            self._compared.discard(log)
            raise
        now = self._clock()
        await self._database.write(lambda tx: self._anchored(tx, log, due.size, version, now))

    def _due(self, tx: Tx, log: str) -> StoredCheckpoint | None:
        """The newest checkpoint, if it covers more than what sinks themselves wrote. A log that an anchor refutes
        gets no further anchors: two histories outside would be worse than one."""
        progress = store.progress(tx, self._sink.name, log)
        newest = audit.checkpoint(tx, log)
        if newest is None or newest.size <= progress.anchored_size or progress.problem:
            return None
        # A clock that went back must not hold anchors up.
        if progress.anchored_at and 0 <= self._clock() - progress.anchored_at < self._anchors.interval_us:
            return None
        return newest if oldest_waiting(tx, log, progress.anchored_size) is not None else None

    def _anchored(self, tx: Tx, log: str, size: int, version: str, now: int) -> None:
        store.begin(tx, self._sink.name, log)
        store.anchored(tx, self._sink.name, log, size, version, now)
