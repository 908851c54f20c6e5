"""Where each log and each trace ends: one row each, moved on by whoever holds the log."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from app.audit.rows import execute, sqlite_of
from app.db.tx import Tx
from manifests.merkle import Frontier

MAX_TRACES_PER_QUERY = 500


class Head(NamedTuple):
    """The tree's right edge (its ``size`` is the number of records) and the latest ``ts`` of any record."""

    frontier: Frontier
    last_at: int


TraceHeads = dict[str, tuple[int, bytes]]
"""By trace: ``tseq`` and leaf hash of its last record."""

_READ = "SELECT frontier, last_at FROM log_heads WHERE log = {}"
_WRITE = (
    "INSERT INTO log_heads (log, size, frontier, last_at) VALUES ({}, {}, {}, {}) ON CONFLICT (log) DO UPDATE SET "
    "size = excluded.size, frontier = excluded.frontier, last_at = excluded.last_at"
)
_TRACES_SQLITE = "SELECT trace_id, tseq, leaf FROM trace_heads WHERE log = ? AND trace_id IN ({})"
_TRACES_POSTGRES = "SELECT trace_id, tseq, leaf FROM trace_heads WHERE log = $1 AND trace_id = ANY($2)"
_UPSERT = "ON CONFLICT (log, trace_id) DO UPDATE SET tseq = excluded.tseq, leaf = excluded.leaf"
_WRITE_SQLITE = f"INSERT INTO trace_heads (log, trace_id, tseq, leaf) VALUES (?, ?, ?, ?) {_UPSERT}"
_WRITE_POSTGRES = (
    "INSERT INTO trace_heads (log, trace_id, tseq, leaf) "
    f"SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bytea[]) {_UPSERT}"
)


def read(tx: Tx, log: str) -> Head:
    """The head of a log; an empty one for a log that has no record yet."""
    row = execute(tx, _READ, (log,)).fetchone()
    return Head(Frontier.from_bytes(bytes(row[0])), row[1]) if row else Head(Frontier(), 0)


def write(tx: Tx, log: str, head: Head) -> None:
    execute(tx, _WRITE, (log, head.frontier.size, head.frontier.to_bytes(), head.last_at))


def traces(tx: Tx, log: str, trace_ids: Collection[str]) -> TraceHeads:
    """The ends of those of the traces that have begun."""
    sqlite = sqlite_of(tx)
    if sqlite is None:
        found = tx.connection.exec_driver_sql(_TRACES_POSTGRES, (log, list(trace_ids)))
        return {row[0]: (row[1], row[2]) for row in found}
    heads: TraceHeads = {}
    wanted = list(trace_ids)
    for start in range(0, len(wanted), MAX_TRACES_PER_QUERY):
        part = wanted[start : start + MAX_TRACES_PER_QUERY]
        marks = ",".join("?" * len(part))
        for row in sqlite.execute(_TRACES_SQLITE.format(marks), (log, *part)):
            heads[row[0]] = (row[1], row[2])
    return heads


def write_traces(tx: Tx, log: str, heads: TraceHeads) -> None:
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        sqlite.executemany(_WRITE_SQLITE, [(log, trace, *end) for trace, end in heads.items()])
        return
    ends = list(heads.values())
    tx.connection.exec_driver_sql(
        _WRITE_POSTGRES, (log, list(heads), [end[0] for end in ends], [end[1] for end in ends])
    )
