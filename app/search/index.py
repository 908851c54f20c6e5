"""Tables record_index and record_index_heads: what each record can be found by.

A projection of the log: whatever is read here is held against the records themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
"""As many rows of one kind are counted, to find out which index leads there soonest."""

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
_WALK = _SELECT + "log = {{}} AND seq >= {{}} AND seq < {{}} ORDER BY seq {0} LIMIT {{}}"
# Ordered by all three columns, only the index on this column can answer: a planner that believes that fitting rows
# are everywhere would walk the whole log for those that stand at its other end.
_BY = (
    _SELECT + "(log, {1}, seq) >= ({{}}, {{}}, {{}}) AND (log, {1}, seq) < ({{}}, {{}}, {{}})"
    " ORDER BY log {0}, {1} {0}, seq {0} LIMIT {{}}"
)
_COUNT = (
    "SELECT count(*) FROM (SELECT 1 FROM record_index WHERE (log, {0}, seq) >= ({{}}, {{}}, {{}})"
    " AND (log, {0}, seq) < ({{}}, {{}}, {{}}) LIMIT {{}}) AS few"
)
_UNDER = _SELECT + "log = {} AND resource >= {} AND resource < {} LIMIT {}"
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
    rows = execute(tx, _WALK.format("ASC"), (log, *span, span.high - span.low))
    return [Entry(*row) for row in rows.fetchall()]


def count(tx: Tx, log: str, column: str, value: str, span: Span) -> int:
    """How many rows of a span have this word; ``FEW`` for more."""
    row = execute(tx, _COUNT.format(column), (log, value, span.low, log, value, span.high, FEW)).fetchone()
    return int(row[0])


def count_under(tx: Tx, log: str, prefix: str) -> int:
    """How many rows of a log have a resource that begins so; more than ``FEW_RESOURCES`` are not counted."""
    row = execute(tx, _COUNT_UNDER, (log, *_range(prefix), FEW_RESOURCES + 1)).fetchone()
    return int(row[0])


def read_by(
    tx: Tx, log: str, column: str, value: str, span: Span, most: int, query: Query, *, newest_first: bool
) -> Looked:
    """Rows with this word, of which those that fit the whole query."""
    sql = _BY.format("DESC" if newest_first else "ASC", column)
    return _looked(execute(tx, sql, (log, value, span.low, log, value, span.high, most)).fetchall(), most, query)


def read_all(tx: Tx, log: str, span: Span, most: int, query: Query, *, newest_first: bool) -> Looked:
    """Rows whatever they hold, of which those that fit the query."""
    sql = _WALK.format("DESC" if newest_first else "ASC")
    return _looked(execute(tx, sql, (log, *span, most)).fetchall(), most, query)


def read_under(tx: Tx, log: str, prefix: str, span: Span, query: Query, *, newest_first: bool) -> Looked:
    """All rows under a prefix that has few."""
    rows = execute(tx, _UNDER, (log, *_range(prefix), FEW_RESOURCES + 1)).fetchall()
    fit = fitting(query)
    found = sorted((row[0] for row in rows if span.low <= row[0] < span.high and fit(row)), reverse=newest_first)
    return Looked(found, len(rows), None)


def fitting(query: Query) -> Callable[[Sequence[Any]], bool]:
    """Whether a row may stand for a record that fits: what was cut off is judged by the record."""
    wanted = [(COLUMNS.index(name), word(getattr(query, name))) for name in WORDS if getattr(query, name)]
    if query.resource and not query.prefix:
        wanted.append((COLUMNS.index("resource"), word(query.resource)))
    since = -1 if query.since is None else query.since
    until = 1 << 62 if query.until is None else query.until
    prefix = word(query.prefix)

    def fit(row: Sequence[Any]) -> bool:
        return (
            since <= row[1] < until
            and all(row[place] == value for place, value in wanted)
            and (not prefix or row[6].startswith(prefix))
        )

    return fit


def _looked(rows: Sequence[Sequence[Any]], most: int, query: Query) -> Looked:
    fit = fitting(query)
    return Looked([row[0] for row in rows if fit(row)], len(rows), rows[-1][0] if len(rows) == most else None)


def _range(prefix: str) -> tuple[str, str]:
    """From the first to after the last word that begins with ``prefix``, which ends with a slash or is cut."""
    first = word(prefix)
    return first, first[:-1] + chr(ord(first[-1]) + 1)
