"""What the log says of a resource, remembered until the log says more of it.

A record never changes, so what was derived from the records of a resource holds as long as there are as many of them
and the last has the same number: asking that takes one look into an index.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from cachetools import LRUCache
from sqlalchemy import bindparam, text

from app.audit import store as audit
from app.audit.rows import sqlite_of
from app.db.tx import Tx
from app.rebuild.model import Derived, Key, Projection
from manifests.record import Record

R = TypeVar("R", bound=msgspec.Struct)
REMEMBERED = 4_096
"""Resources; a few kilobytes each."""

MAX_RESOURCES_PER_QUERY = 500

_ENDS = text(
    "SELECT resource, count(*) AS many, max(seq) AS last FROM records WHERE log = :log AND resource IN :resources"
    " GROUP BY resource"
).bindparams(bindparam("resources", expanding=True))
_END = "SELECT count(*), max(seq) FROM records WHERE log = ? AND resource = ?"
_END_UNDER = text(
    "SELECT count(*) AS many, max(seq) AS last FROM records WHERE log = :log AND resource >= :first"
    " AND resource < :last"
)

_End = tuple[int, int]
_Rows = dict[Key, Derived[Any]]


class Said:
    """What the log says, by the projection that it was asked for."""

    def __init__(self) -> None:
        self._rows: dict[str, _Rows] = {}

    def add(self, table: str, rows: _Rows) -> None:
        self._rows.setdefault(table, {}).update(rows)

    def of(self, projection: Projection[R]) -> Mapping[Key, Derived[R]]:
        return self._rows.get(projection.table, {})


class Memory:
    """Shared by all decisions of a service; the answers are the log's at the time of the transaction."""

    def __init__(self) -> None:
        self._known: LRUCache[tuple[str, str, str], tuple[_End, _Rows]] = LRUCache(REMEMBERED)
        self._lock = threading.Lock()

    def look(self, tx: Tx, log: str, wanted: Sequence[tuple[Projection[Any], str]]) -> Said:
        """What the log says of each resource, as rows of the projection beside it. Raises RecordAlteredError."""
        said = Said()
        ends = _ends(tx, log, sorted({resource for _, resource in wanted}))
        for projection, resource in wanted:
            end = ends.get(resource)
            if end is not None:
                said.add(projection.table, self._rows(tx, log, projection, resource, end))
        return said

    def under(self, tx: Tx, log: str, projection: Projection[R], prefix: str) -> Mapping[Key, Derived[R]]:
        """The same of all resources named ``<prefix>/…``."""
        row = tx.first(_END_UNDER, log=log, first=prefix + "/", last=prefix + "0")
        end = (row.many, row.last) if row is not None and row.many else None
        return {} if end is None else self._rows(tx, log, projection, prefix + "/", end)

    def _rows(self, tx: Tx, log: str, projection: Projection[Any], resource: str, end: _End) -> _Rows:
        name = (projection.table, log, resource)
        with self._lock:
            known = self._known.get(name)
        if known is not None and known[0] == end:
            return known[1]
        rows = projection.derive(_records(tx, log, resource))
        with self._lock:
            self._known[name] = (end, rows)
        return rows


def _ends(tx: Tx, log: str, resources: Sequence[str]) -> dict[str, _End]:
    found: dict[str, _End] = {}
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        # In this very process one short question for each is cheaper than a long one for all.
        for resource in resources:
            many, last = sqlite.execute(_END, (log, resource)).fetchone()
            if many:
                found[resource] = (many, last)
        return found
    for start in range(0, len(resources), MAX_RESOURCES_PER_QUERY):
        part = list(resources[start : start + MAX_RESOURCES_PER_QUERY])
        found.update((row.resource, (row.many, row.last)) for row in tx.all(_ENDS, log=log, resources=part))
    return found


def _records(tx: Tx, log: str, resource: str) -> Iterable[Record]:
    if resource.endswith("/"):
        records = audit.records_under(tx, log, resource[:-1])
        # Resources are read in their order; what is told later counts, so the order of the log it must be.
        return sorted(records, key=lambda record: record.seq)
    return audit.records_of(tx, log, resource)
