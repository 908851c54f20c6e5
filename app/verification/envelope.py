"""What verification reads of each record, and what it hands on of a stretch of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

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


decode = msgspec.json.Decoder(Envelope).decode


Edge: TypeAlias = tuple[str, int, int, str]
"""Trace, seq, tseq and prev of the first record of a trace in a stretch: whether it follows what came before is the
caller's question. There may be as many as records."""


class Stretch(msgspec.Struct, array_like=True):
    """Consecutive rows from ``first`` to before ``next_seq``, examined. ``leaves`` are recomputed from the bodies and
    stand one after the other, as do ``tiles``, the roots of the full tiles among them (none where rows are odd).

    ``gaps`` are pairs (expected, found); ``odd`` are rows whose hash, form or columns are not what they must be;
    ``broken`` are records that do not follow the one before in their trace; ``ends`` has tseq and leaf (hex)
    of each trace's last record, ``last_at`` is the latest ``ts``, ``strangers`` are numbers that are none.
    """

    first: int
    next_seq: int
    leaves: bytes = b""
    tiles: bytes = b""
    gaps: list[tuple[int, int]] = []
    odd: list[tuple[Any, ...]] = []
    edges: list[Edge] = []
    broken: list[Edge] = []
    ends: dict[str, tuple[int, str]] = {}
    last_at: int = 0
    strangers: list[str] = []

    def close(self, stop: int) -> None:
        """It was meant to reach to ``stop``; what is missing of that is a gap."""
        if self.next_seq < stop:
            self.gaps.append((self.next_seq, stop))
            self.next_seq = stop


def is_canonical(body: bytes) -> bool:
    try:
        record.parse(body)
    except ManifestError:
        return False
    return True


def envelope_of(body: bytes) -> Envelope | None:
    """None if it cannot be read."""
    try:
        return decode(body)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def differing_columns(row: tuple[Any, ...], envelope: Envelope, log: str) -> Sequence[str]:
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
