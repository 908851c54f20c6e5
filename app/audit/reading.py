"""One look at a database from outside the service, which may be running."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from app.db.connect import driver_url, sqlite_path
from app.db.database import Unit
from app.db.tx import Tx
from app.verification.source import open_read_only

T = TypeVar("T")


def read_only(url: str, unit: Unit[T]) -> T:
    """What ``unit`` reads from the database at this address. Takes no lock and writes nothing; blocks.

    Raises DatabaseUnavailableError.
    """
    path = sqlite_path(url)
    if path is None:
        return asyncio.run(_postgres(driver_url(url), unit))
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine("sqlite://", creator=lambda: open_read_only(path), poolclass=NullPool)
    with engine.connect() as connection:
        return unit(Tx(connection))


async def _postgres(url: str, unit: Unit[T]) -> T:
    from app.db.postgres import PostgresDatabase

    database = PostgresDatabase(url, _never, connections=1)
    try:
        return await database.read(unit)
    finally:
        await database.close()


def _never(tx: Tx) -> None:
    raise AssertionError("nothing is sequenced by a reader")
