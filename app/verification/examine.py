"""The inner loop of verification: every record's hash, place, columns and chain.

It runs over stretches of a log, in this process or in another, and knows nothing of what lies outside its
stretch: what it cannot judge alone (the first record of each trace, odd rows) it hands back.

A stretch in which everything is right is told by comparing whole columns, which costs half as much as looking at one
row after the other. Where anything differs, ``app.verification.rows`` looks at every row and says what.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from app.verification import rows as slow
from app.verification.envelope import Stretch, decode, is_canonical
from app.verification.port import RecordRow
from manifests.merkle import HASH_BYTES, TILE_WIDTH, Frontier


class Columns(NamedTuple):
    """Of many records: numbers, traces, numbers in them, links (hex), leaves and instants."""

    seqs: tuple[int, ...]
    traces: tuple[str, ...]
    tseqs: tuple[int, ...]
    prevs: tuple[str, ...]
    leaves: tuple[bytes, ...]
    ats: tuple[int, ...]


_values = msgspec.structs.astuple


def examine(log: str, seq: int, rows: Sequence[RecordRow], *, thorough: bool, tiles: bool = False) -> Stretch:
    """Rows of ``log`` in order of seq, the first of which should be ``seq``. ``tiles`` asks for the roots of the
    full tiles among them."""
    stretch = _right(log, seq, rows, thorough=thorough) or slow.examine(log, seq, rows, thorough=thorough)
    if tiles and not stretch.odd and not stretch.gaps:
        stretch.tiles = _tiles(seq, stretch.leaves)
    return stretch


def _right(log: str, first: int, rows: Sequence[RecordRow], *, thorough: bool) -> Stretch | None:
    """None unless nothing is wrong with any row."""
    if not rows:
        return Stretch(first=first, next_seq=first)
    next_seq = first + len(rows)
    columns = sealed_columns(log, rows, thorough=thorough)
    if columns is None or columns.seqs != tuple(range(first, next_seq)):
        return None
    stretch = Stretch(first=first, next_seq=next_seq, leaves=b"".join(columns.leaves), last_at=max(columns.ats))
    links = zip(columns.seqs, columns.traces, columns.tseqs, columns.prevs, map(bytes.hex, columns.leaves), strict=True)
    return stretch if _link(stretch, links) else None


def sealed_columns(log: str, rows: Sequence[RecordRow], *, thorough: bool) -> Columns | None:
    """What the rows say, of which there is one at least; None unless each body has its leaf and says the same."""
    seqs, bodies, leaves, traces, tseqs, resources, events, ats = zip(*rows, strict=True)
    if tuple([sha256(b"\x00" + body).digest() for body in bodies]) != leaves:
        return None
    try:
        said: Any = zip(*map(_values, map(decode, bodies)), strict=True)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    sealed_events, logs, prevs, sealed_seqs, sealed_traces, sealed_ats, sealed_tseqs, sealed_resources = said
    if (
        (sealed_seqs, sealed_traces, sealed_tseqs) != (seqs, traces, tseqs)
        or (sealed_resources, sealed_events, sealed_ats) != (resources, events, ats)
        or logs.count(log) != len(rows)
        or (thorough and not all(map(is_canonical, bodies)))
    ):
        return None
    return Columns(seqs, traces, tseqs, prevs, leaves, ats)


def _link(stretch: Stretch, records: Any) -> bool:
    """Follows every trace; whether each record follows the one before."""
    following: dict[str, tuple[int, str]] = {}
    before, begun = following.get, stretch.edges.append
    for seq, trace, tseq, prev, leaf in records:
        expected = before(trace)
        if expected is None:
            begun((trace, seq, tseq, prev))
        elif expected != (tseq, prev):
            return False
        following[trace] = (tseq + 1, leaf)
    stretch.ends = {trace: (tseq - 1, leaf) for trace, (tseq, leaf) in following.items()}
    return True


def _tiles(first: int, leaves: bytes) -> bytes:
    """The roots of the full tiles, one after the other; the leaves before and after them are left out."""
    size = len(leaves) // HASH_BYTES
    start = -first % TILE_WIDTH
    end = start + (size - start) // TILE_WIDTH * TILE_WIDTH
    subtrees = Frontier().extend(split(leaves, start, end)) if end > start else []
    return b"".join(subtree.hash for subtree in subtrees if subtree.level == 1)


def split(hashes: bytes, start: int, end: int) -> list[bytes]:
    """Hashes number ``start`` to ``end``, not included, of those that stand one after the other."""
    return [hashes[at : at + HASH_BYTES] for at in range(start * HASH_BYTES, end * HASH_BYTES, HASH_BYTES)]
