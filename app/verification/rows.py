"""Looks at one row after the other and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from app.verification.envelope import Envelope, Stretch, decode, is_canonical
from app.verification.port import RecordRow


def examine(log: str, seq: int, rows: Iterable[RecordRow], *, thorough: bool) -> Stretch:
    """Rows of ``log`` in order of seq, the first of which should be ``seq``."""
    stretch = Stretch(first=seq, next_seq=seq)
    leaves: list[bytes] = []
    for row in rows:
        found, body, leaf = row[:3]
        if type(found) is not int:
            stretch.strangers.append(repr(found))
            continue
        if found != stretch.next_seq:
            stretch.gaps.append((stretch.next_seq, found))
        stretch.next_seq = found + 1
        actual = sha256(b"\x00" + body).digest()
        leaves.append(actual)
        try:
            envelope = decode(body)
        except (msgspec.MsgspecError, UnicodeError):
            stretch.odd.append(tuple(row))
            continue
        if actual != leaf or not _fits(log, row, envelope) or (thorough and not is_canonical(body)):
            stretch.odd.append(tuple(row))
            if actual != leaf or envelope.seq != found:
                continue
        _follow(stretch, envelope, actual)
    stretch.leaves = b"".join(leaves)
    return stretch


def _fits(log: str, row: RecordRow, envelope: Envelope) -> bool:
    seq, _, _, trace_id, tseq, resource, event, at = row
    return (
        (envelope.seq, envelope.trace_id, envelope.tseq, envelope.ts) == (seq, trace_id, tseq, at)
        and (envelope.event, envelope.resource, envelope.log) == (event, resource, log)
    )  # fmt: skip


def _follow(stretch: Stretch, envelope: Envelope, leaf: bytes) -> None:
    stretch.last_at = max(stretch.last_at, envelope.ts)
    before = stretch.ends.get(envelope.trace_id)
    here = (envelope.trace_id, envelope.seq, envelope.tseq, envelope.prev)
    if before is None:
        stretch.edges.append(here)
    elif before[1] != envelope.prev or before[0] + 1 != envelope.tseq:
        stretch.broken.append(here)
    stretch.ends[envelope.trace_id] = (envelope.tseq, leaf.hex())
