"""Transactions on SQLite that go to the driver: a statement of ours takes 5 µs there and 50 µs through SQLAlchemy.

The text is the same and so are rows and errors; only compiling, the cursor's wrapping and type handling are
left out, which our statements make no use of.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, TextClause
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError

from app.db.tx import Ran, Tx


class _Known:
    """A statement as SQLite reads it. ``expanding`` are the parameters that stand for a list."""

    __slots__ = ("clause", "expanding", "metadata", "text")

    def __init__(self, clause: TextClause) -> None:
        self.clause = clause  # held, so that no other statement can come to have its id
        self.text = clause.text
        self.expanding = tuple(name for name, bind in clause._bindparams.items() if bind.expanding)
        self.metadata: SimpleResultMetaData | None = None


class Statements:
    """What is known of each statement; one for each connection, so that no two threads share it."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def __getitem__(self, clause: TextClause) -> _Known:
        known = self._known.get(id(clause))
        if known is None or known.clause is not clause:
            if len(self._known) > 2_000:
                self._known.clear()
            known = self._known[id(clause)] = _Known(clause)
        return known


class SqliteTx(Tx):
    """A Tx over the driver's connection that ``connection`` wraps."""

    def __init__(self, connection: Connection, raw: sqlite3.Connection, statements: Statements) -> None:
        super().__init__(connection)
        self._raw = raw
        self._statements = statements

    def _enter(self) -> None:
        """Called before every statement."""

    def run(self, sql: TextClause, **values: Any) -> Ran:
        self._enter()
        return self._execute(self._statements[sql], values)

    def run_many(self, sql: TextClause, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        self._enter()
        try:
            self._raw.executemany(sql.text, rows)
        except sqlite3.Error as error:
            raise _translated(sql.text, error) from error

    def all(self, sql: TextClause, **values: Any) -> Sequence[Row[Any]]:
        self._enter()
        known = self._statements[sql]
        cursor = self._execute(known, values)
        try:
            found = cursor.fetchall()
        except sqlite3.Error as error:
            raise _translated(known.text, error) from error
        if not found:
            return []
        metadata = _metadata(known, cursor)
        return [Row(metadata, None, metadata._key_to_index, values) for values in found]

    def first(self, sql: TextClause, **values: Any) -> Row[Any] | None:
        self._enter()
        known = self._statements[sql]
        cursor = self._execute(known, values)
        try:
            found = cursor.fetchone()
        except sqlite3.Error as error:
            raise _translated(known.text, error) from error
        if found is None:
            return None
        metadata = _metadata(known, cursor)
        cursor.close()
        return Row(metadata, None, metadata._key_to_index, found)

    def _execute(self, known: _Known, values: dict[str, Any]) -> sqlite3.Cursor:
        text = known.text
        for name in known.expanding:
            text = _expanded(text, name, values)
        try:
            return self._raw.execute(text, values)
        except sqlite3.Error as error:
            raise _translated(text, error) from error


def _expanded(text: str, name: str, values: dict[str, Any]) -> str:
    """``IN :name`` with one parameter for each value of the list."""
    items = values.pop(name)
    names = [f"{name}__{place}" for place in range(len(items))]
    values.update(zip(names, items, strict=True))
    return re.sub(rf":{name}\b", f"({', '.join(':' + one for one in names)})", text)


def _metadata(known: _Known, cursor: sqlite3.Cursor) -> SimpleResultMetaData:
    if known.metadata is None:
        known.metadata = SimpleResultMetaData([column[0] for column in cursor.description])
    return known.metadata


def _translated(text: str, error: sqlite3.Error) -> Exception:
    """The error that SQLAlchemy raises for it."""
    found = DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True)
    return found if isinstance(found, Exception) else error
