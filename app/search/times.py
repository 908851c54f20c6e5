"""Table record_index_blocks: from when to when the records of each block of numbers are.

Instants almost follow the numbers: clocks differ a little and may be set back. So the blocks that can hold a time are
found here, and what is in them is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import text

from app.db.tx import Tx
from app.search.model import Query
from app.search.span import Span

BLOCK = 1_024
_BLOCKS_AT_ONCE = 32
_EARLIEST = -1
_LATEST = 1 << 62

_ONE = text("SELECT at_min, at_max FROM record_index_blocks WHERE log = :log AND block = :block")
_ADD = text(
    "INSERT INTO record_index_blocks (log, block, at_min, at_max) VALUES (:log, :block, :at_min, :at_max)"
    " ON CONFLICT (log, block) DO UPDATE SET at_min = excluded.at_min, at_max = excluded.at_max"
)
_FORGET = text("DELETE FROM record_index_blocks WHERE log = :log")
_HOLDING = (
    "SELECT block FROM record_index_blocks WHERE log = :log AND block >= :low AND block < :high"
    " AND at_max >= :since AND at_min < :until ORDER BY block "
)
_NEWEST = text(_HOLDING + "DESC LIMIT :most")
_OLDEST = text(_HOLDING + "ASC LIMIT :most")


def add(tx: Tx, log: str, instants: Sequence[tuple[int, int]]) -> None:
    """Widen the blocks of these records (number and instant)."""
    found: dict[int, tuple[int, int]] = {}
    for seq, at in instants:
        block = seq // BLOCK
        low, high = found.get(block, (_LATEST, _EARLIEST))
        found[block] = (min(low, at), max(high, at))
    for block, (low, high) in found.items():
        row = tx.first(_ONE, log=log, block=block)
        if row is not None:
            low, high = min(low, row.at_min), max(high, row.at_max)
        tx.run(_ADD, log=log, block=block, at_min=low, at_max=high)


def forget(tx: Tx, log: str) -> None:
    tx.run(_FORGET, log=log)


def block_of(tx: Tx, log: str, block: int) -> tuple[int, int] | None:
    """The first and last instant of a block."""
    row = tx.first(_ONE, log=log, block=block)
    return (row.at_min, row.at_max) if row is not None else None


def narrow(tx: Tx, log: str, query: Query, span: Span) -> Span:
    """The part of an indexed span outside of which nothing has a time that is asked for."""
    if span.empty or (query.since is None and query.until is None):
        return span
    newest = _holding(tx, log, query, span, 1, newest_first=True)
    if not newest:
        return Span(span.low, span.low)
    oldest = _holding(tx, log, query, span, 1, newest_first=False)
    return Span(max(span.low, oldest[0] * BLOCK), min(span.high, (newest[0] + 1) * BLOCK))


def spans(tx: Tx, log: str, query: Query, span: Span, *, newest_first: bool) -> Iterator[Span]:
    """The stretches of an indexed span that can hold a time that is asked for, in order."""
    if query.since is None and query.until is None:
        yield span
        return
    while not span.empty:
        blocks = _holding(tx, log, query, span, _BLOCKS_AT_ONCE, newest_first=newest_first)
        for block in blocks:
            yield Span(max(span.low, block * BLOCK), min(span.high, (block + 1) * BLOCK))
        if len(blocks) < _BLOCKS_AT_ONCE:
            return
        last = blocks[-1] * BLOCK
        span = Span(span.low, last) if newest_first else Span(last + BLOCK, span.high)


def _holding(tx: Tx, log: str, query: Query, span: Span, most: int, *, newest_first: bool) -> list[int]:
    rows = tx.all(
        _NEWEST if newest_first else _OLDEST, log=log, low=span.low // BLOCK, high=-(-span.high // BLOCK), most=most,
        since=_EARLIEST if query.since is None else query.since,
        until=_LATEST if query.until is None else query.until,
    )  # fmt: skip
    return [row.block for row in rows]
