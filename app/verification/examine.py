"""The inner loop of verification: every record's hash, place, columns and chain.

It runs over stretches of a log, in this process or in another, and knows nothing of what lies outside its
stretch: what it cannot judge alone (the first record of each trace, odd rows) it hands back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from app.verification.source import RecordRow
from manifests import record
from manifests.errors import ManifestError


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The fields of a record that are also columns, and its link."""

    event: str
    log: str
    prev: str
    seq: int
    trace_id: str
    ts: int
    tseq: int
    resource: str = ""


class Edge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first record of a trace in a stretch: whether it follows what came before is the caller's question."""

    trace_id: str
    seq: int
    tseq: int
    prev: str


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive rows, examined. ``leaves`` are recomputed from the bodies.

    ``gaps`` are pairs (expected, found); ``odd`` are rows whose hash, form or columns are not what they must be;
    ``broken`` are records that do not follow the one before in their trace; ``ends`` has tseq and leaf (hex)
    of each trace's last record, ``last_at`` is the latest ``ts``, ``strangers`` are
    numbers that are none.
    """

    leaves: list[bytes]
    next_seq: int
    gaps: list[tuple[int, int]]
    odd: list[RecordRow]
    edges: list[Edge]
    broken: list[Edge]
    ends: dict[str, tuple[int, str]]
    last_at: int
    strangers: list[str]


_decode = msgspec.json.Decoder(Envelope).decode


def examine(log: str, seq: int, rows: Iterable[RecordRow], *, thorough: bool) -> Stretch:
    """Rows of ``log`` in order of seq, the first of which should be ``seq``."""
    leaves: list[bytes] = []
    gaps: list[tuple[int, int]] = []
    odd: list[RecordRow] = []
    edges: list[Edge] = []
    broken: list[Edge] = []
    ends: dict[str, tuple[int, str]] = {}
    strangers: list[str] = []
    last_at = 0
    add = leaves.append
    for row in rows:
        found, body, leaf, trace_id, tseq, resource, event, at = row
        if found != seq:
            if type(found) is not int:
                strangers.append(repr(found))
                continue
            gaps.append((seq, found))
        seq = found + 1
        actual = sha256(b"\x00" + body).digest()
        add(actual)
        try:
            envelope = _decode(body)
        except (msgspec.MsgspecError, UnicodeError):
            odd.append(row)
            continue
        if (
            actual != leaf
            or envelope.seq != found
            or envelope.trace_id != trace_id
            or envelope.tseq != tseq
            or envelope.ts != at
            or envelope.event != event
            or envelope.resource != resource
            or envelope.log != log
            or (thorough and not is_canonical(body))
        ):
            odd.append(row)
            if actual != leaf or envelope.seq != found:
                continue
        if envelope.ts > last_at:
            last_at = envelope.ts
        before = ends.get(envelope.trace_id)
        if before is None:
            edges.append(Edge(envelope.trace_id, found, envelope.tseq, envelope.prev))
        elif before[1] != envelope.prev or before[0] + 1 != envelope.tseq:
            broken.append(Edge(envelope.trace_id, found, envelope.tseq, envelope.prev))
        ends[envelope.trace_id] = (envelope.tseq, actual.hex())
    return Stretch(leaves, seq, gaps, odd, edges, broken, ends, last_at, strangers)


def is_canonical(body: bytes) -> bool:
    try:
        record.parse(body)
    except ManifestError:
        return False
    return True


def envelope_of(body: bytes) -> Envelope | None:
    """None if it cannot be read."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def differing_columns(row: RecordRow, envelope: Envelope, log: str) -> Sequence[str]:
    """``column event says x, the body says y`` for each column that differs from the body."""
    _, _, _, trace_id, tseq, resource, event, at = row
    pairs = (
        ("trace_id", trace_id, envelope.trace_id),
        ("tseq", tseq, envelope.tseq),
        ("resource", resource, envelope.resource),
        ("event", event, envelope.event),
        ("at", at, envelope.ts),
        ("log", log, envelope.log),
    )
    return [f"column {name} says {column!r}, the body says {said!r}" for name, column, said in pairs if column != said]
