"""Tables record_index and record_index_heads: what each record can be found by.

A projection of the log: whatever is read here is held against the records themselves.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from app.audit.rows import copy, execute, sqlite_of
from app.db.tx import Tx
from app.search import times
from app.search.model import Fields, Query
from app.search.span import Looked, Span
from manifests.record import Record

CUT = 128
"""Longer words are indexed by their beginning: PostgreSQL refuses index entries of more than 2,704 bytes."""

FEW = 512
"""How many rows of a word are passed over to see how far apart they stand."""

FEW_RESOURCES = 2_000
"""So many under one prefix are fetched and sorted; of more, enough are among any others."""


_MARK_BITS = 12


class Entry(NamedTuple):
    """One row; its words are those of the record, cut. ``mark`` is in every index: a few bits of each word, by which
    most rows that do not fit are passed over without being read."""

    seq: int
    at: int
    actor: str
    action: str
    event: str
    outcome: str
    resource: str
    mark: int


COLUMNS = Entry._fields
WORDS = ("actor", "action", "event", "outcome")
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM record_index WHERE "
_BETWEEN = _SELECT + "log = {} AND seq >= {} AND seq < {} ORDER BY seq"
_WALK = (
    "SELECT seq, {1} AS fits FROM record_index WHERE log = {{}} AND seq >= {{}} AND seq < {{}}"
    " ORDER BY seq {0} LIMIT {{}}"
)
# Ordered by all three columns, only the index on this column can answer: a planner that believes that fitting rows
# are everywhere would walk the whole log for those that stand at its other end.
_OF_WORD = "FROM record_index WHERE (log, {1}, seq) >= ({{}}, {{}}, {{}}) AND (log, {1}, seq) < ({{}}, {{}}, {{}})"
_IN_ORDER = " ORDER BY log {0}, {1} {0}, seq {0} LIMIT "
_BY = "SELECT seq, mark & {{}} = {{}} AS fits " + _OF_WORD + _IN_ORDER + "{{}}"
_REACH = "SELECT seq " + _OF_WORD + _IN_ORDER + "1 OFFSET {{}}"
_UNDER = "SELECT seq, mark & {} = {} FROM record_index WHERE log = {} AND resource >= {} AND resource < {} LIMIT {}"
_COUNT_UNDER = (
    "SELECT count(*) FROM (SELECT 1 FROM record_index WHERE log = {} AND resource >= {} AND resource < {}"
    " LIMIT {}) AS few"
)
_AT_SQLITE = _SELECT + "log = {} AND seq IN (SELECT value FROM json_each({}))"
_AT_POSTGRES = _SELECT + "log = {} AND seq = ANY({})"
# Through PostgreSQL's protocol every row costs more than looking at it: only those that fit come over, and where the
# last one stood.
_FITTING = (
    "WITH part AS MATERIALIZED ({0}) SELECT seq, CAST(0 AS bigint) FROM part WHERE fits"
    " UNION ALL SELECT {1}(seq), count(*) FROM part"
)
_SIZE = text("SELECT size FROM record_index_heads WHERE log = :log")
_EXTENT = text(
    "SELECT h.size, COALESCE(i.size, 0) AS indexed FROM log_heads h"
    " LEFT JOIN record_index_heads i ON i.log = h.log WHERE h.log = :log"
)
_BEGIN = text("INSERT INTO record_index_heads (log, size) VALUES (:log, 0) ON CONFLICT (log) DO NOTHING")
_MOVE = text("UPDATE record_index_heads SET size = :end WHERE log = :log AND size = :start")
_CLEAR = text("DELETE FROM record_index WHERE log = :log AND seq >= :start AND seq < :end")
_FORGET_HEAD = text("DELETE FROM record_index_heads WHERE log = :log")
_FORGET = text("DELETE FROM record_index WHERE log = :log")
_ADD = f"INSERT INTO record_index (log, {', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def word(value: str) -> str:
    """A value as the index holds it. PostgreSQL's text holds no NUL."""
    return value[:CUT].replace("\0", "\N{REPLACEMENT CHARACTER}")


def entry(seq: int, of: Fields | Record) -> Entry:
    """The row that a record must have."""
    words = (word(of.actor_ref), word(of.action), word(of.event), word(of.outcome), word(of.resource))
    return Entry(seq, of.ts, *words, mark(*words))


def mark(actor: str, action: str, event: str, outcome: str, resource: str) -> int:
    """Twelve bits of each word, of a resource only its kind (up to the first slash)."""
    found = 0
    for value in (actor, action, event, outcome, resource.partition("/")[0]):
        found = found << _MARK_BITS | _bits(value)
    return found


@functools.lru_cache(maxsize=1 << 14)
def _bits(value: str) -> int:
    return int.from_bytes(hashlib.sha256(value.encode()).digest()[:2]) >> 16 - _MARK_BITS


def size(tx: Tx, log: str) -> int:
    """How many records of a log are indexed: those with numbers below."""
    row = tx.first(_SIZE, log=log)
    return row.size if row is not None else 0


def extent(tx: Tx, log: str) -> tuple[int, int]:
    """How many records a log has, and how many of them are indexed."""
    row = tx.first(_EXTENT, log=log)
    return (row.size, min(row.size, row.indexed)) if row is not None else (0, 0)


def add(tx: Tx, log: str, span: Span, entries: Sequence[Entry]) -> bool:
    """Move on over ``span`` with the rows of its records; not if another was faster."""
    if span.low == 0:
        tx.run(_BEGIN, log=log)
    if not tx.run(_MOVE, log=log, start=span.low, end=span.high).rowcount:
        return False
    tx.run(_CLEAR, log=log, start=span.low, end=span.high)
    rows = [(log, *one) for one in entries]
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        sqlite.executemany(_ADD, rows)
    else:
        copy(tx, "record_index", ("log", *COLUMNS), rows)
    times.add(tx, log, [(one.seq, one.at) for one in entries])
    return True


def forget(tx: Tx, log: str) -> None:
    """Everything about a log, so that the indexer makes it anew. Meanwhile answers come from the log itself."""
    tx.run(_FORGET_HEAD, log=log)
    tx.run(_FORGET, log=log)
    times.forget(tx, log)


def at(tx: Tx, log: str, seqs: Sequence[int]) -> dict[int, Entry]:
    """The rows of these records, by number."""
    if not seqs:
        return {}
    if sqlite_of(tx) is not None:
        return {row[0]: Entry(*row) for row in execute(tx, _AT_SQLITE, (log, str(list(seqs))))}
    return {row[0]: Entry(*row) for row in execute(tx, _AT_POSTGRES, (log, list(seqs)))}


def between(tx: Tx, log: str, span: Span) -> list[Entry]:
    """All rows of a span, oldest first."""
    return [Entry(*row) for row in execute(tx, _BETWEEN, (log, *span)).fetchall()]


def reach(tx: Tx, log: str, column: str, value: str, span: Span, *, newest_first: bool) -> int | None:
    """The number of the ``FEW``-th row with this word from the end that is read first; None if there are fewer."""
    sql = _REACH.format(_order(newest_first), column)
    row = execute(tx, sql, (log, value, span.low, log, value, span.high, FEW - 1)).fetchone()
    return row[0] if row is not None else None


def count_under(tx: Tx, log: str, prefix: str) -> int:
    """How many rows of a log have a resource that begins so; more than ``FEW_RESOURCES`` are not counted."""
    row = execute(tx, _COUNT_UNDER, (log, *_range(prefix), FEW_RESOURCES + 1)).fetchone()
    return int(row[0])


def read_by(tx: Tx, log: str, column: str, span: Span, most: int, query: Query, *, newest_first: bool) -> Looked:
    """Rows with the query's word in this column, of which those that may fit the whole query."""
    value = word(getattr(query, column))
    sql = _BY.format(_order(newest_first), column)
    bounds = (log, value, span.low, log, value, span.high)
    return _read(tx, sql, (*_mark_of(query), *bounds, most), most, 1, newest_first=newest_first)


def read_all(tx: Tx, log: str, span: Span, most: int, query: Query, *, newest_first: bool) -> Looked:
    """Rows whatever they hold, of which those that fit the query."""
    condition, values = _conditions(query)
    sql = _WALK.format(_order(newest_first), condition)
    return _read(tx, sql, (*values, log, *span, most), most, 2, newest_first=newest_first)


def read_under(tx: Tx, log: str, span: Span, query: Query, *, newest_first: bool) -> Looked:
    """All rows under the query's prefix, which has few."""
    bounds = (log, *_range(query.prefix), FEW_RESOURCES + 1)
    rows = execute(tx, _UNDER, (*_mark_of(query), *bounds)).fetchall()
    found = sorted((seq for seq, fits in rows if fits and span.low <= seq < span.high), reverse=newest_first)
    return Looked(found, len(rows), len(rows), None)


def may_fit(one: Entry, query: Query) -> bool:
    """Whether a row's record may fit: what was cut off is judged by the record."""
    return (
        (query.since is None or one.at >= query.since)
        and (query.until is None or one.at < query.until)
        and all(not getattr(query, name) or getattr(one, name) == word(getattr(query, name)) for name in WORDS)
        and (not query.prefix or one.resource.startswith(word(query.prefix)))
    )


def _mark_of(query: Query) -> tuple[int, int]:
    """The bits of a mark that the query knows, and what they must be."""
    kind = query.prefix and query.resource.partition("/")[0]
    known, wanted = 0, 0
    for value in (query.actor, query.action, query.event, query.outcome, kind):
        known = known << _MARK_BITS | ((1 << _MARK_BITS) - 1 if value else 0)
        wanted = wanted << _MARK_BITS | (_bits(word(value)) if value else 0)
    return known, wanted


def _conditions(query: Query) -> tuple[str, tuple[str | int, ...]]:
    """An expression for whether a row may fit, and its parameters."""
    conditions: list[str] = []
    values: list[str | int] = []
    for column in WORDS:
        if getattr(query, column):
            conditions.append(f"{column} = {{}}")
            values.append(word(getattr(query, column)))
    if query.prefix:
        conditions.append("resource >= {} AND resource < {}")
        values += _range(query.prefix)
    for sign, instant in ((">=", query.since), ("<", query.until)):
        if instant is not None:
            conditions.append(f"at {sign} {{}}")
            values.append(instant)
    return " AND ".join(conditions) or "1 = 1", tuple(values)


def _read(tx: Tx, sql: str, values: tuple[str | int, ...], most: int, cost: int, *, newest_first: bool) -> Looked:
    if sqlite_of(tx) is not None:
        rows = execute(tx, sql, values).fetchall()
        found, count = [seq for seq, fits in rows if fits], len(rows)
        last = rows[-1][0] if rows else None
    else:
        bounded = execute(tx, _FITTING.format(sql, "min" if newest_first else "max"), values).fetchall()
        found = sorted((seq for seq, rows in bounded if seq is not None and not rows), reverse=newest_first)
        last, count = next(((seq, rows) for seq, rows in bounded if rows), (None, 0))
    return Looked(found, count, cost * count, last if count == most else None)


def _range(prefix: str) -> tuple[str, str]:
    """From the first to after the last word that begins with ``prefix``."""
    first = word(prefix)
    # A prefix ends with a slash, and 0 comes next; of one that is cut off, nothing longer is indexed.
    return first, first[:-1] + "0" if len(prefix) <= CUT else first + "\x01"


def _order(newest_first: bool) -> str:
    return "DESC" if newest_first else "ASC"
