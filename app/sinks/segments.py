"""Cut a log into segments, and read them back."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from app.audit.errors import RecordAlteredError
from app.audit.rows import execute
from app.db.tx import Tx
from app.sinks.model import Entry, Limits, Segment
from manifests.merkle import leaf_hash

DELIVERED = "sink.delivered"
"""Records of this event travel with others and never make a segment of their own, or each would make the next."""

_ROWS = "SELECT seq, trace_id, leaf, body FROM records WHERE log = {} AND seq >= {} AND seq < {} ORDER BY seq"
_WAITING = text(
    "SELECT seq, at FROM records WHERE log = :log AND seq >= :first AND event <> 'sink.delivered' ORDER BY seq LIMIT 1"
)


def oldest_waiting(tx: Tx, log: str, first: int) -> int | None:
    """The ``ts`` of the first record from ``first`` on that waits to be delivered; None when none does."""
    row = tx.first(_WAITING, log=log, first=first)
    return row.at if row is not None else None


def next_segments(tx: Tx, log: str, first: int, limits: Limits, now: int) -> list[Segment]:
    """What is due of a log from ``first`` on: full segments, at last perhaps one that waited long enough.

    Raises RecordAlteredError rather than make an alteration eternal.
    """
    found: list[Segment] = []
    while len(found) < limits.ahead:
        oldest = oldest_waiting(tx, log, first)
        if oldest is None:
            break
        segment, full = _cut(tx, log, first, limits)
        # A clock that went back must not hold records up.
        young = 0 <= now - oldest < limits.wait_us
        if not full and young:
            break
        found.append(segment)
        if not full:
            break
        first = segment.end
    return found


def segment_of(tx: Tx, log: str, first: int, end: int) -> Segment | None:
    """Records ``first`` to ``end``, not included; None when the log has not all of them. Raises RecordAlteredError."""
    segment, _ = _cut(tx, log, first, Limits(end - first, 1 << 62))
    return segment if segment.end == end else None


def decode(data: bytes) -> Iterator[bytes]:
    """The records in a segment's bytes. Raises ValueError where these are none."""
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or at + 2 > len(data):
            raise ValueError(f"expected {end - at} bytes from {at} on, found {len(data) - at}")
        yield data[at + 2 : end]
        at = end


def _cut(tx: Tx, log: str, first: int, limits: Limits) -> tuple[Segment, bool]:
    """As much as fits, and whether it was full."""
    entries: list[Entry] = []
    size = 0
    for seq, trace_id, leaf, body in execute(tx, _ROWS, (log, first, first + limits.records)):
        _check(log, first + len(entries), seq, body, leaf)
        size += 2 + len(body)
        if size > limits.size and entries:
            return Segment(log, first, tuple(entries)), True
        entries.append(Entry(trace_id, body))
    return Segment(log, first, tuple(entries)), len(entries) == limits.records


def _check(log: str, expected: int, seq: int, body: bytes, leaf: bytes) -> None:
    if seq != expected:
        raise RecordAlteredError(log, expected, f"expected it before record {seq}, found none")
    if leaf_hash(body) != leaf:
        raise RecordAlteredError(log, seq, "expected a body with its leaf's hash, found another")
