"""One transaction: SQL on either database, and the audit records that belong to what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, Row, TextClause

from manifests import record
from manifests.record import Draft, Unplaced


class Ran(Protocol):
    """What a statement did."""

    @property
    def rowcount(self) -> int: ...


class Tx:
    """Handed to every unit of work. Units are plain functions, so that one text serves both databases."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.staged: list[tuple[str, Unplaced]] = []

    @property
    def connection(self) -> Connection:
        """For what the methods below cannot say."""
        return self._connection

    def run(self, sql: TextClause, **values: Any) -> Ran:
        return self.connection.execute(sql, values)

    def run_many(self, sql: TextClause, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            self.connection.execute(sql, list(rows))

    def all(self, sql: TextClause, **values: Any) -> Sequence[Row[Any]]:
        return self.connection.execute(sql, values).all()

    def first(self, sql: TextClause, **values: Any) -> Row[Any] | None:
        return self.connection.execute(sql, values).first()

    def stage(self, log: str, draft: Draft) -> None:
        """Add a record to the tenant's log, committed with this transaction or not at all.

        Raises ManifestError here, in the unit that wrote it, if it could not be sealed anywhere in the log.
        """
        self.staged.append((log, record.unplaced(draft, log)))
