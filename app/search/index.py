"""Tables record_index and record_index_heads: what each record can be found by.

A projection of the log: whatever is read here is held against the records themselves.
"""

from __future__ import annotations

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


class Entry(NamedTuple):
    """One row; its words are those of the record, cut."""

    seq: int
    at: int
    actor: str
    action: str
    event: str
    outcome: str
    resource: str


COLUMNS = Entry._fields
WORDS = ("actor", "action", "event", "outcome")
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM record_index WHERE "
_BETWEEN = _SELECT + "log = {} AND seq >= {} AND seq < {} ORDER BY seq"
_WALK = "SELECT seq, {1} FROM record_index WHERE log = {{}} AND seq >= {{}} AND seq < {{}} ORDER BY seq {0} LIMIT {{}}"
# Ordered by all three columns, only the index on this column can answer: a planner that believes that fitting rows
# are everywhere would walk the whole log for those that stand at its other end.
_OF_WORD = "FROM record_index WHERE (log, {1}, seq) >= ({{}}, {{}}, {{}}) AND (log, {1}, seq) < ({{}}, {{}}, {{}})"
_IN_ORDER = " ORDER BY log {0}, {1} {0}, seq {0} LIMIT "
_BY = "SELECT seq, {2} " + _OF_WORD + _IN_ORDER + "{{}}"
_REACH = "SELECT seq " + _OF_WORD + _IN_ORDER + "1 OFFSET {{}}"
_UNDER = "SELECT seq, {0} FROM record_index WHERE log = {{}} AND resource >= {{}} AND resource < {{}} LIMIT {{}}"
_COUNT_UNDER = (
    "SELECT count(*) FROM (SELECT 1 FROM record_index WHERE log = {} AND resource >= {} AND resource < {}"
    " LIMIT {}) AS few"
)
_AT_SQLITE = _SELECT + "log = {} AND seq IN (SELECT value FROM json_each({}))"
_AT_POSTGRES = _SELECT + "log = {} AND seq = ANY({})"
_SIZE = text("SELECT size FROM record_index_heads WHERE log = :log")
_BEGIN = text("INSERT INTO record_index_heads (log, size) VALUES (:log, 0) ON CONFLICT (log) DO NOTHING")
_MOVE = text("UPDATE record_index_heads SET size = :end WHERE log = :log AND size = :start")
_CLEAR = text("DELETE FROM record_index WHERE log = :log AND seq >= :start AND seq < :end")
_FORGET_HEAD = text("DELETE FROM record_index_heads WHERE log = :log")
_FORGET = text("DELETE FROM record_index WHERE log = :log")
_ADD = f"INSERT INTO record_index (log, {', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def word(value: str) -> str:
    """A value as the index holds it. PostgreSQL's text holds no NUL."""
    return value[:CUT].replace("\0", "\N{REPLACEMENT CHARACTER}")


def entry(seq: int, of: Fields | Record) -> Entry:
    """The row that a record must have."""
    return Entry(
        seq, of.ts, word(of.actor_ref), word(of.action), word(of.event), word(of.outcome), word(of.resource)
    )  # fmt: skip


def size(tx: Tx, log: str) -> int:
    """How many records of a log are indexed: those with numbers below."""
    row = tx.first(_SIZE, log=log)
    return row.size if row is not None else 0


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
    """Rows with the query's word in this column, of which those that fit the whole query."""
    value = word(getattr(query, column))
    condition, values = _others(query, column)
    sql = _BY.format(_order(newest_first), column, condition)
    return _looked(execute(tx, sql, (*values, log, value, span.low, log, value, span.high, most)).fetchall(), most)


def read_all(tx: Tx, log: str, span: Span, most: int, query: Query, *, newest_first: bool) -> Looked:
    """Rows whatever they hold, of which those that fit the query."""
    condition, values = _others(query, "")
    return _looked(
        execute(tx, _WALK.format(_order(newest_first), condition), (*values, log, *span, most)).fetchall(), most
    )


def read_under(tx: Tx, log: str, span: Span, query: Query, *, newest_first: bool) -> Looked:
    """All rows under the query's prefix, which has few."""
    condition, values = _others(query, "resource")
    rows = execute(tx, _UNDER.format(condition), (*values, log, *_range(query.prefix), FEW_RESOURCES + 1)).fetchall()
    found = sorted((seq for seq, fits in rows if fits and span.low <= seq < span.high), reverse=newest_first)
    return Looked(found, len(rows), None)


def _others(query: Query, known: str) -> tuple[str, tuple[str | int, ...]]:
    """An expression for whether a row may fit in all but one column. The record judges what was cut off here."""
    conditions: list[str] = []
    values: list[str | int] = []
    for column in WORDS:
        if column != known and getattr(query, column):
            conditions.append(f"{column} = {{}}")
            values.append(word(getattr(query, column)))
    if query.prefix and known != "resource":
        conditions.append("resource >= {} AND resource < {}")
        values += _range(query.prefix)
    for sign, instant in ((">=", query.since), ("<", query.until)):
        if instant is not None:
            conditions.append(f"at {sign} {{}}")
            values.append(instant)
    return " AND ".join(conditions) or "1 = 1", tuple(values)


def _looked(rows: Sequence[tuple[int, object]], most: int) -> Looked:
    return Looked([seq for seq, fits in rows if fits], len(rows), rows[-1][0] if len(rows) == most else None)


def _range(prefix: str) -> tuple[str, str]:
    """From the first to after the last word that begins with ``prefix``."""
    first = word(prefix)
    # A prefix ends with a slash, and 0 comes next; of one that is cut off, nothing longer is indexed.
    return first, first[:-1] + "0" if len(prefix) <= CUT else first + "\x01"


def _order(newest_first: bool) -> str:
    return "DESC" if newest_first else "ASC"
