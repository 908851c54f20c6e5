"""Looking for records in the log itself: by trace, by resource, or among those that are not indexed yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, text

from app.audit.rows import execute
from app.db.tx import Tx
from app.search.model import Query, fields, fits
from app.search.span import Looked, Span

_WALK = "SELECT seq, body FROM records WHERE log = {{}} AND seq >= {{}} AND seq < {{}} ORDER BY seq {0} LIMIT {{}}"
# As in app.search.index: only the index on resources gives this order.
_BY_RESOURCE = (
    "SELECT seq, body FROM records WHERE (log, resource, seq) >= ({{}}, {{}}, {{}})"
    " AND (log, resource, seq) < ({{}}, {{}}, {{}}) ORDER BY log {0}, resource {0}, seq {0} LIMIT {{}}"
)
_BY_TRACE = (
    "SELECT seq, body, tseq FROM records WHERE log = {{}} AND trace_id = {{}} AND tseq >= {{}} AND tseq < {{}}"
    " ORDER BY tseq {0} LIMIT {{}}"
)
_LAST = text("SELECT tseq, seq FROM records WHERE log = :log AND trace_id = :trace ORDER BY tseq DESC LIMIT 1")
_PLACES = text(
    "SELECT tseq, seq FROM records WHERE log = :log AND trace_id = :trace AND tseq IN :places ORDER BY tseq"
).bindparams(bindparam("places", expanding=True))
_BRANCHES = 16
_COST = 6
"""Reading a record takes as long as reading so many rows of an index."""


def read_all(tx: Tx, log: str, span: Span, most: int, query: Query, *, newest_first: bool) -> Looked:
    """Records whatever they hold, of which those that fit the query."""
    rows = execute(tx, _WALK.format(_order(newest_first)), (log, *span, most)).fetchall()
    return Looked(_fitting(rows, query), len(rows), _COST * len(rows), rows[-1][0] if len(rows) == most else None)


def read_resource(tx: Tx, log: str, span: Span, most: int, query: Query, *, newest_first: bool) -> Looked:
    """Records of exactly the query's resource, of which those that fit all of it."""
    bounds = (log, query.resource, span.low, log, query.resource, span.high)
    rows = execute(tx, _BY_RESOURCE.format(_order(newest_first)), (*bounds, most)).fetchall()
    return Looked(_fitting(rows, query), len(rows), _COST * len(rows), rows[-1][0] if len(rows) == most else None)


def read_trace(tx: Tx, log: str, span: Span, most: int, query: Query, *, newest_first: bool) -> Looked:
    """Records of the query's trace, of which those that fit all of it. In a trace ``seq`` grows with ``tseq``."""
    last = tx.first(_LAST, log=log, trace=query.trace)
    if last is None:
        return Looked((), 0, 0, None)
    end = last.tseq + 1
    low = _place(tx, log, query.trace, span.low, end) if span.low else 0
    high = _place(tx, log, query.trace, span.high, end) if span.high <= last.seq else end
    rows = execute(tx, _BY_TRACE.format(_order(newest_first)), (log, query.trace, low, high, most)).fetchall()
    return Looked(_fitting(rows, query), len(rows), _COST * len(rows), rows[-1][0] if len(rows) == most else None)


def _place(tx: Tx, log: str, trace: str, seq: int, end: int) -> int:
    """The ``tseq`` of the trace's first record whose number is not below ``seq``; ``end`` if there is none.

    Found by looking at a few places at a time, as nothing in the table is ordered by trace and number."""
    low, high = 0, end
    while low < high:
        step = max(1, (high - low) // _BRANCHES)
        places = {row.tseq: row.seq for row in tx.all(_PLACES, log=log, trace=trace, places=[*range(low, high, step)])}
        below = [place for place, number in places.items() if number < seq]
        above = [place for place, number in places.items() if number >= seq]
        low, high = max(below) + 1 if below else low, min(above) if above else high
        if not places:
            break
    return low


def _fitting(rows: Sequence[Sequence[Any]], query: Query) -> list[int]:
    return [row[0] for row in rows if _fits(row[1], query)]


def _fits(body: Any, query: Query) -> bool:
    try:
        return fits(fields(body), query)
    except (msgspec.MsgspecError, UnicodeError, TypeError):
        # It is no record: whoever reads it to the end will say so.
        return True


def _order(newest_first: bool) -> str:
    return "DESC" if newest_first else "ASC"
