"""Whether a service runs on a PostgreSQL database: each holds a shared lock, and who rebuilds wants it alone.

SQLite needs none of this: there the file beside the database is locked.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.db.connect import driver_url, sqlite_path
from app.db.tx import Tx

KEY: Final = 0x73657276  # "serv"
_HOLD = text("SELECT pg_advisory_lock_shared(:key)")
_ALONE = text("SELECT pg_try_advisory_xact_lock(:key) AS alone")


class ServiceRunsError(Exception):
    """A service runs on this database. Stop it, then try again."""

    code = "rebuild.service_runs"


class Presence:
    """Held between ``start`` and ``stop``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: AsyncEngine | None = None
        self._connection: AsyncConnection | None = None

    async def start(self) -> None:
        if sqlite_path(self._url) is None:
            self._engine = create_async_engine(driver_url(self._url), pool_size=1, isolation_level="AUTOCOMMIT")
            self._connection = await self._engine.connect()
            await self._connection.execute(_HOLD, {"key": KEY})

    async def stop(self) -> None:
        if self._connection is not None and self._engine is not None:
            await self._connection.invalidate()
            await self._connection.close()
            await self._engine.dispose()


def expect_alone(tx: Tx, dialect: str) -> None:
    """Until the end of the transaction no service runs. Raises ServiceRunsError."""
    if dialect == "sqlite":
        return
    row = tx.first(_ALONE, key=KEY)
    if row is None or not row.alone:
        raise ServiceRunsError(ServiceRunsError.__doc__)
