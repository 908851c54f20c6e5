"""A stream of records for others to follow, and a topic of checkpoints that our operators cannot rewrite.

Every record is delivered at least once. A consumer counts each (log, seq) once: see integrations.kafka.distinct.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class StreamRecord(msgspec.Struct, frozen=True):
    """One record: its place and its exact bytes. It is keyed by trace, so that a trace stays in order."""

    log: str
    seq: int
    trace_id: str
    body: bytes


class StreamedAnchor(msgspec.Struct, frozen=True):
    """A checkpoint's note as the stream holds it, at this offset of the topic's only partition that is used."""

    log: str
    note: bytes
    offset: int


class RecordStream(Protocol):
    """Raises integrations.errors.NeighbourError; InDoubtError where a message may still be delivered."""

    async def send(self, records: Sequence[StreamRecord]) -> None:
        """Returns once every replica that must have them has them. Sending the same again is allowed."""
        ...

    async def anchor(self, log: str, note: bytes) -> int:
        """Adds a checkpoint's note and answers its offset."""
        ...

    async def anchors(self, since: int) -> Sequence[StreamedAnchor]:
        """The notes from offset ``since`` (0: from the first that is still there) to the end, of all logs."""
        ...

    async def problems(self) -> Sequence[str]:
        """What is not as it must be."""
        ...

    async def close(self) -> None: ...
