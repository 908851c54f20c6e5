"""Rewriting rows as whoever owns the database can: past every trigger, and undone at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import text

from app.db.database import Database
from app.db.tx import Tx
from app.rebuild.model import Projection

T = TypeVar("T")
_GUARDED = text("SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger WHERE NOT tgisinternal")
_TRIGGERS = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")


class _UndoError(Exception):
    pass


async def undone(database: Database, unit: Callable[[Tx], T]) -> T:
    """What ``unit`` answers, with nothing it did left."""
    found: list[T] = []

    def run(tx: Tx) -> None:
        unguard(tx, database.dialect)
        found.append(unit(tx))
        raise _UndoError

    with contextlib.suppress(_UndoError):
        await database.write(run)
    return found[0]


def unguard(tx: Tx, dialect: str) -> None:
    if dialect != "sqlite":
        for row in tx.all(_GUARDED):
            tx.run(text(f"ALTER TABLE {row.name} DISABLE TRIGGER ALL"))
        return
    for row in tx.all(_TRIGGERS):
        tx.run(text(f"DROP TRIGGER {row.name}"))


def remove(tx: Tx, projection: Projection[Any], row: Any) -> None:
    sql = f"DELETE FROM {projection.table} WHERE {_where(projection)}"
    assert tx.run(text(sql), **_key(projection, row)).rowcount == 1, sql


def alter(tx: Tx, projection: Projection[Any], row: Any, column: str) -> Any:
    value = other(getattr(row, column))
    sql = f"UPDATE {projection.table} SET {column} = :value WHERE {_where(projection)}"
    assert tx.run(text(sql), value=value, **_key(projection, row)).rowcount == 1, sql
    return value


def add(tx: Tx, projection: Projection[Any], row: Any, log: str) -> Any:
    """Another row, of another key."""
    assert projection.add is not None
    name = projection.key[-1] if projection.table != "person_keys" else "step"
    added = msgspec.structs.replace(row, **{name: other(getattr(row, name))})
    values = (projection.values(tx, added) if projection.values else msgspec.structs.asdict(added)) or {}
    for unique in ("nonce", "digest", "path", "name"):
        if unique in values and unique not in projection.key:
            values[unique] = other(values[unique])
    wanted = projection.add._bindparams
    tx.run(projection.add, **{one: value for one, value in (values | {"log": log}).items() if one in wanted})
    return added


def other(value: object) -> Any:
    """Another value of the same kind."""
    if value is None:
        return 1
    return value + 1 if isinstance(value, int) else f"{value}x"


def _where(projection: Projection[Any]) -> str:
    return " AND ".join(f"{name} = :key_{name}" for name in projection.key)


def _key(projection: Projection[Any], row: Any) -> dict[str, Any]:
    return {f"key_{name}": getattr(row, name) for name in projection.key}
