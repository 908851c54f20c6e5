"""The one seam to the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from app.db.refused import Observer
from app.db.tx import Tx

T = TypeVar("T")
Unit = Callable[[Tx], T]


class DatabaseUnavailableError(Exception):
    """The database cannot be written or read now: full, locked by another process, or unreachable."""

    code = "database.unavailable"


class Sequencer(Protocol):
    """Numbers, chains and checkpoints staged records; called inside the transaction that holds the log."""

    def __call__(self, tx: Tx) -> None: ...


class Database(Protocol):
    """Runs units of work. A write returns once it is durable and its staged records are sequenced.

    A unit may run more than once (after a serialisation failure), so it must only touch its transaction.
    """

    dialect: str
    on_refused: Observer | None
    """Who is told when a unit tried to change what is only ever added to; the unit's caller gets AppendOnlyError."""
    on_unwritable: Callable[[str], None] | None
    """Who is told, and why, when a write was lost because the database, or the log in it, cannot be written."""

    async def write(self, unit: Unit[T]) -> T: ...
    async def read(self, unit: Unit[T]) -> T: ...
    async def close(self) -> None: ...


async def glance(database: Database, unit: Unit[T]) -> T:
    """Read a few small rows by key, on this very thread where the database is inside this process: waking another
    one would take longer. Not for bodies or lists that may be long: it may hold up the event loop."""
    near: Callable[[Unit[T]], T] | None = getattr(database, "read_here", None)
    return near(unit) if near is not None else await database.read(unit)
