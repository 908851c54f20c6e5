"""The index held against the records: an answer never rests on a row that its record does not bear out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from app.audit import store
from app.audit.rows import execute
from app.db.tx import Tx
from app.search import index, times
from app.search.errors import IndexAlteredError
from app.search.index import Entry
from app.search.model import fields
from app.search.span import Span
from manifests.record import Record

_BODIES = "SELECT seq, body FROM records WHERE log = {} AND seq >= {} AND seq < {} ORDER BY seq"
_EXTRA = "SELECT seq FROM record_index WHERE log = {} AND (seq >= {} OR seq < 0) ORDER BY seq"


class Difference(msgspec.Struct, frozen=True):
    """``what`` differs between a record of ``log`` and its row in the index."""

    log: str
    seq: int
    what: str


def verify(log: str, records: Sequence[Record], rows: Mapping[int, Entry], indexed: int) -> None:
    """That verified records below ``indexed`` have the rows they must have. Raises IndexAlteredError."""
    for record in records:
        if record.seq < indexed:
            what = _difference(index.entry(record.seq, record), rows.get(record.seq))
            if what:
                raise IndexAlteredError(log, record.seq, what)


def differences(tx: Tx, log: str) -> Iterator[Difference]:
    """Everything in which the index of a log differs from its records, oldest first; reads all of both."""
    size = store.head(tx, log).size
    indexed = index.size(tx, log)
    if indexed > size:
        yield Difference(log, size, f"expected an index of at most {size} records, found one of {indexed}")
    end = min(size, indexed)
    for low in range(0, end, times.BLOCK):
        yield from _of_block(tx, log, Span(low, min(low + times.BLOCK, end)))
    for (seq,) in execute(tx, _EXTRA, (log, end)).fetchall():
        yield Difference(log, seq, f"expected no row from number {end} on, found one")


def _of_block(tx: Tx, log: str, span: Span) -> Iterator[Difference]:
    rows = {one.seq: one for one in index.between(tx, log, span)}
    instants = []
    for seq, body in execute(tx, _BODIES, (log, *span)).fetchall():
        try:
            expected = index.entry(seq, fields(body))
        except (msgspec.MsgspecError, UnicodeError, TypeError) as error:
            rows.pop(seq, None)
            yield Difference(log, seq, f"expected a record, found what cannot be read: {error}")
            continue
        instants.append(expected.at)
        what = _difference(expected, rows.pop(seq, None))
        if what:
            yield Difference(log, seq, what)
    for seq in rows:
        yield Difference(log, seq, "expected no row without a record, found one")
    found = times.block_of(tx, log, span.low // times.BLOCK)
    if instants and (found is None or found[0] > min(instants) or found[1] < max(instants)):
        wanted = (min(instants), max(instants))
        yield Difference(log, span.low, f"expected the block's times to cover {wanted}, found {found}")


def _difference(expected: Entry, found: Entry | None) -> str:
    if found is None:
        return "expected a row in the search index, found none"
    for name, wanted, said in zip(Entry._fields, expected, found, strict=True):
        if wanted != said:
            return f"expected {name} {wanted!r} in the search index as in its body, found {said!r}"
    return ""
