"""Rows of the log written through the driver: one statement for a whole batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from app.db.tx import Tx
from manifests.merkle import Subtree


class Row(NamedTuple):
    """A sealed record and the columns that it can be found by; ``at`` is its ``ts``."""

    seq: int
    trace_id: str
    tseq: int
    resource: str
    event: str
    at: int
    leaf: bytes
    body: bytes


_COLUMNS = ("log", "seq", "trace_id", "tseq", "resource", "event", "at", "leaf", "body")
ROWS_PER_STATEMENT = 64
"""One statement for many rows steps, and lets go of the interpreter lock, once instead of once a row."""

_INSERT = f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES "
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHECKPOINT = "INSERT INTO checkpoints (log, size, note) VALUES ({}, {}, {})"


_SUBTREE = "INSERT INTO tree_hashes (log, level, position, hash) VALUES (?, ?, ?, ?)"


def insert(tx: Tx, log: str, rows: Sequence[Row]) -> None:
    """Adds sealed records. A number or place in a trace that is taken already is an error of the driver."""
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            part = rows[start : start + ROWS_PER_STATEMENT]
            values = [value for row in part for value in (log, *row)]
            sqlite.execute(_INSERT + ",".join([_ROW] * len(part)), values)
    else:
        copy(tx, "records", _COLUMNS, [(log, *row) for row in rows])


def insert_checkpoint(tx: Tx, log: str, size: int, note: str) -> None:
    execute(tx, _CHECKPOINT, (log, size, note))


def insert_subtrees(tx: Tx, log: str, subtrees: Sequence[Subtree]) -> None:
    """Adds the roots that tiles above the leaves are made of; few, one in 256 records."""
    if not subtrees:
        return
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        sqlite.executemany(_SUBTREE, [(log, *one) for one in subtrees])
    else:
        copy(tx, "tree_hashes", ("log", "level", "position", "hash"), [(log, *one) for one in subtrees])


def sqlite_of(tx: Tx) -> sqlite3.Connection | None:
    """The driver's connection, if it is SQLite's."""
    raw: object = tx.connection.connection.dbapi_connection
    return raw if isinstance(raw, sqlite3.Connection) else None


def execute(tx: Tx, template: str, values: tuple[Any, ...]) -> Any:
    """A statement whose ``{}`` are parameters, in the driver's own notation; answers its cursor."""
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        return sqlite.execute(template.format(*"?" * len(values)), values)
    marks = (f"${number}" for number in range(1, len(values) + 1))
    return tx.connection.exec_driver_sql(template.format(*marks), values)


def copy(tx: Tx, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """PostgreSQL's COPY inside this transaction (which a statement before must have begun)."""
    adapted: Any = tx.connection.connection.dbapi_connection
    adapted.run_async(lambda raw: raw.copy_records_to_table(table, records=rows, columns=columns))
