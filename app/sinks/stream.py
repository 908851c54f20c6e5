"""A Kafka stream as a sink: every record as a message, every checkpoint as an anchor."""

from __future__ import annotations

from collections.abc import Sequence

from app.sinks.model import Anchor, Limits, Receipt, Segment, Sink, Stored
from integrations.kafka.port import RecordStream, StreamRecord


def sink(name: str, stream: RecordStream) -> Sink:
    both = StreamSink(stream)
    return Sink(name, stream.problems, stream.close, both, both)


class StreamSink:
    """See SegmentSink and AnchorSink. Records leave at once; the stream has no receipts, for it does not last."""

    recorded = False
    interval_us = 0
    limits = Limits(wait_us=0)

    def __init__(self, stream: RecordStream) -> None:
        self._stream = stream

    async def deliver(self, segment: Segment, *, look: bool) -> Receipt | None:
        """As SegmentSink. Whoever follows the stream counts each number once, so nothing needs to be looked for."""
        await self._stream.send(
            [
                StreamRecord(segment.log, seq, entry.trace_id, entry.body)
                for seq, entry in enumerate(segment.entries, segment.first)
            ]
        )
        return None

    async def stored(self, log: str, first: int) -> Sequence[Stored]:
        return ()

    async def anchor(self, log: str, size: int, note: bytes) -> str:
        return str(await self._stream.anchor(log, note))

    async def contradicts(self, log: str) -> str:
        return ""

    async def newest(self, log: str, since: str) -> Sequence[Anchor]:
        found = await self._stream.anchors(int(since or 0))
        return [Anchor(log, one.note, f"offset {one.offset}") for one in found if one.log == log]
