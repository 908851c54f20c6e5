"""Statements on the tables of the log through the driver, in its own notation."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

from app.db.tx import Tx

ROWS_PER_STATEMENT = 64
"""One statement for many rows steps, and lets go of the interpreter lock, once instead of once a row."""


def sqlite_of(tx: Tx) -> sqlite3.Connection | None:
    """The driver's connection, if it is SQLite's."""
    raw: object = tx.connection.connection.dbapi_connection
    return raw if isinstance(raw, sqlite3.Connection) else None


def execute(tx: Tx, template: str, values: tuple[Any, ...]) -> Any:
    """A statement whose ``{}`` are parameters; answers its cursor."""
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        return sqlite.execute(template.format(*"?" * len(values)), values)
    marks = (f"${number}" for number in range(1, len(values) + 1))
    return tx.connection.exec_driver_sql(template.format(*marks), values)


def insert_many(sqlite: sqlite3.Connection, insert: str, rows: Sequence[tuple[Any, ...]], conflict: str = "") -> None:
    """Rows of equal length, ``ROWS_PER_STATEMENT`` at a time; what remains in powers of two, so that there are few
    different statements to prepare."""
    at, size = 0, ROWS_PER_STATEMENT
    while at < len(rows):
        if len(rows) - at < size:
            size >>= 1
            continue
        one = f"({','.join('?' * len(rows[0]))})"
        sqlite.execute(
            f"{insert} VALUES {','.join([one] * size)} {conflict}", [*chain.from_iterable(rows[at : at + size])]
        )
        at += size


def copy(tx: Tx, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """PostgreSQL's COPY inside this transaction (which a statement before must have begun)."""
    adapted: Any = tx.connection.connection.dbapi_connection
    adapted.run_async(lambda raw: raw.copy_records_to_table(table, records=rows, columns=columns))
