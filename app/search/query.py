"""Records of a log that fit a question, in pages, each of them verified.

What the index has not come to yet is read from the log itself, so an answer never lacks anything. One question looks at
about ``ENOUGH`` rows: where little fits, a page says how far it came instead of walking through millions.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.audit import store
from app.db.tx import Tx
from app.search import checking, index
from app.search.model import Page, Query, fits
from app.search.plan import Plan
from app.search.span import Span, walk
from manifests.record import Record

ENOUGH = 20_000
"""Rows of an index that one question may look at: some milliseconds."""

_END = 1 << 62


def page(tx: Tx, log: str, query: Query, *, before: int | None = None, limit: int) -> Page:
    """At most ``limit`` records, newest first, with numbers below ``before``. Raises RecordAlteredError."""
    return _consistent(tx, log, query, Span(0, _END if before is None else before), limit, newest_first=True)


def forward(tx: Tx, log: str, query: Query, *, after: int = -1, limit: int) -> Page:
    """At most ``limit`` records, oldest first, with numbers above ``after``. Raises RecordAlteredError."""
    return _consistent(tx, log, query, Span(max(0, after + 1), _END), limit, newest_first=False)


def oldest_first(tx: Tx, log: str, query: Query, *, after: int = -1, limit: int) -> Sequence[Record]:
    """At most ``limit`` records, oldest first, with numbers above ``after``; none only if there are no more.

    However much has to be looked at: for exports, which keep nobody waiting. Raises RecordAlteredError.
    """
    while True:
        found = forward(tx, log, query, after=after, limit=limit)
        if found.records or found.following is None:
            return found.records
        after = found.following


def _consistent(tx: Tx, log: str, query: Query, span: Span, limit: int, *, newest_first: bool) -> Page:
    while True:
        size, indexed = index.extent(tx, log)
        within = Span(span.low, min(span.high, size))
        found = _page(tx, log, query, within, limit, size, indexed, newest_first=newest_first)
        # Were the index made anew while we read it, we would have missed what it has not come to again.
        if index.size(tx, log) >= indexed:
            return found


def _page(
    tx: Tx, log: str, query: Query, span: Span, limit: int, size: int, indexed: int, *, newest_first: bool
) -> Page:
    found: list[Record] = []
    looked = 0
    for part, read in Plan(tx, log, query, indexed, newest_first=newest_first).parts(span):
        for step in walk(read, part, newest_first=newest_first, wanted=limit + 1 - len(found)):
            looked += step.cost
            found += _verified(tx, log, query, step.fitting, limit + 1 - len(found), indexed)
            if len(found) > limit:
                return Page(tuple(found[:limit]), found[limit - 1].seq, False, size, indexed)
            if looked >= ENOUGH:
                following = step.edge if newest_first else step.edge - 1
                return Page(tuple(found), following, True, size, indexed)
    return Page(tuple(found), None, False, size, indexed)


def _verified(tx: Tx, log: str, query: Query, seqs: Sequence[int], most: int, indexed: int) -> list[Record]:
    """The first ``most`` of these that truly fit."""
    found: list[Record] = []
    place = 0
    while len(found) < most and place < len(seqs):
        part = seqs[place : place + most - len(found)]
        place += len(part)
        rows = index.at(tx, log, [seq for seq in part if seq < indexed])
        # A row that is missing is no reason to pass over its record.
        records = store.records_at(tx, log, [seq for seq in part if seq not in rows or index.may_fit(rows[seq], query)])
        checking.verify(log, records, rows, indexed)
        found += [record for record in records if fits(record, query)]
    return found
