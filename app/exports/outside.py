"""Read a database from outside the service, again and again over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.db.connect import driver_url, sqlite_path
from app.db.database import Unit
from app.db.tx import Tx
from app.exports.model import Read
from app.verification.source import open_read_only

T = TypeVar("T")


@contextmanager
def reader(url: str) -> Iterator[Read]:
    """Takes no lock and writes nothing; the service may be running. Raises DatabaseUnavailableError."""
    path = sqlite_path(url)
    if path is None:
        with _postgres(driver_url(url)) as read:
            yield read
        return
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine("sqlite://", creator=lambda: open_read_only(path), poolclass=NullPool)
    with engine.connect() as connection:
        tx = Tx(connection)

        def look(unit: Unit[T], /) -> T:
            return unit(tx)

        yield look


@contextmanager
def _postgres(url: str) -> Iterator[Read]:
    from app.db.postgres import PostgresDatabase

    with asyncio.Runner() as runner:
        database = PostgresDatabase(url, _never, connections=1)

        def look(unit: Unit[T], /) -> T:
            return runner.run(database.read(unit))

        try:
            yield look
        finally:
            runner.run(database.close())


def _never(tx: Tx) -> None:
    raise AssertionError("nothing is sequenced by a reader")
