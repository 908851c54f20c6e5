"""Where each log and each trace ends: one row each, moved on by whoever holds the log."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from app.audit.errors import HeadMissingError
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
_LOCK = f"{_READ} FOR UPDATE"
_OPEN = "INSERT INTO log_heads (log, size, frontier, last_at) VALUES ({}, 0, {}, 0) ON CONFLICT DO NOTHING"
_LAST = "SELECT seq FROM records WHERE log = {} ORDER BY seq DESC LIMIT 1"
_TRACES_SQLITE = "SELECT trace_id, tseq, leaf FROM trace_heads WHERE log = ? AND trace_id IN ({})"
_TRACES_POSTGRES = "SELECT trace_id, tseq, leaf FROM trace_heads WHERE log = $1 AND trace_id = ANY($2)"


def read(tx: Tx, log: str) -> Head:
    """The head of a log as it is now; an empty one for a log without records."""
    row = execute(tx, _READ, (log,)).fetchone()
    return Head(Frontier.from_bytes(bytes(row[0])), row[1]) if row else Head(Frontier(), 0)


def hold(tx: Tx, log: str) -> Head:
    """The head of a log, which nobody else moves until the transaction ends; an empty one for a log without records.

    Raises HeadMissingError.
    """
    locking = _READ if sqlite_of(tx) is not None else _LOCK
    row = execute(tx, locking, (log,)).fetchone()
    if row is None:
        # A row that is not there cannot be locked: two replicas would both number from 0.
        execute(tx, _OPEN, (log, Frontier().to_bytes()))
        row = execute(tx, locking, (log,)).fetchone()
    head = Head(Frontier.from_bytes(bytes(row[0])), row[1])
    if not head.frontier.size and (last := execute(tx, _LAST, (log,)).fetchone()) is not None:
        raise HeadMissingError(log, last[0])
    return head


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
