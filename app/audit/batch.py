"""What one batch adds to the tables of a log, in the fewest statements each database allows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from app.audit.heads import Head, TraceHeads
from app.audit.rows import copy, insert_many, sqlite_of
from app.db.tx import Tx
from manifests.merkle import Subtree


class Row(NamedTuple):
    """A sealed record and the columns that it can be found by; ``at`` is its ``ts``."""

    log: str
    seq: int
    trace_id: str
    tseq: int
    resource: str
    event: str
    at: int
    leaf: bytes
    body: bytes


class Batch(NamedTuple):
    """Records in their order and what follows from them: the log's new head, the new ends of their traces, the
    subtrees that they completed, and the signed note of the checkpoint after them."""

    rows: Sequence[Row]
    head: Head
    ends: TraceHeads
    subtrees: Sequence[Subtree]
    note: str


_RECORDS = f"INSERT INTO records ({', '.join(Row._fields)})"
_SUBTREES = "INSERT INTO tree_hashes (log, level, position, hash)"
_ENDS = "INSERT INTO trace_heads (log, trace_id, tseq, leaf)"
_MOVED = "ON CONFLICT (log, trace_id) DO UPDATE SET tseq = excluded.tseq, leaf = excluded.leaf"
_HEAD_SQLITE = (
    "INSERT INTO log_heads (log, size, frontier, last_at) VALUES (?, ?, ?, ?) ON CONFLICT (log) DO UPDATE SET "
    "size = excluded.size, frontier = excluded.frontier, last_at = excluded.last_at"
)
_CHECKPOINT_SQLITE = "INSERT INTO checkpoints (log, size, note) VALUES (?, ?, ?)"
_REST = f"""ends AS ({_ENDS} SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bytea[]) {_MOVED}),
grown AS ({_SUBTREES} SELECT $1, * FROM unnest($5::bigint[], $6::bigint[], $7::bytea[])),
head AS (UPDATE log_heads SET size = $8, frontier = $9, last_at = $10 WHERE log = $1)
INSERT INTO checkpoints (log, size, note) VALUES ($1, $8, $11)"""
_ALL = f"""records AS ({_RECORDS} SELECT * FROM unnest($12::text[], $13::bigint[], $14::text[], $15::bigint[],
$16::text[], $17::text[], $18::bigint[], $19::bytea[], $20::bytea[])), {_REST}"""
FEW = 64
"""Every statement is a journey to the server and back while the log is held. COPY takes two, and pays from here on."""


def add(tx: Tx, log: str, batch: Batch) -> None:
    """A number or place in a trace that is taken already is an error of the driver."""
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        _add_to_sqlite(sqlite, log, batch)
    elif len(batch.rows) < FEW:
        columns = [list(column) for column in zip(*batch.rows, strict=True)]
        tx.connection.exec_driver_sql(f"WITH {_ALL}", (*_values(log, batch), *columns))
    else:
        copy(tx, "records", Row._fields, batch.rows)
        tx.connection.exec_driver_sql(f"WITH {_REST}", _values(log, batch))


def _add_to_sqlite(sqlite: sqlite3.Connection, log: str, batch: Batch) -> None:
    frontier, last_at = batch.head
    insert_many(sqlite, _RECORDS, batch.rows)
    insert_many(sqlite, _SUBTREES, [(log, *one) for one in batch.subtrees])
    insert_many(sqlite, _ENDS, [(log, trace, *end) for trace, end in batch.ends.items()], _MOVED)
    sqlite.execute(_HEAD_SQLITE, (log, frontier.size, frontier.to_bytes(), last_at))
    sqlite.execute(_CHECKPOINT_SQLITE, (log, frontier.size, batch.note))


def _values(log: str, batch: Batch) -> tuple[object, ...]:
    ends, subtrees = batch.ends.values(), batch.subtrees
    frontier, last_at = batch.head
    return (
        log, list(batch.ends), [end[0] for end in ends], [end[1] for end in ends],
        [one.level for one in subtrees], [one.position for one in subtrees], [one.hash for one in subtrees],
        frontier.size, frontier.to_bytes(), last_at, batch.note,
    )  # fmt: skip
