"""What an export that runs on a thread of its own sees of the service: the database, and whether to go on."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TypeVar

from app.clock import SECOND, Clock
from app.db.database import Database, Unit
from app.exports import store

LEASE_S = 120
TELL_S = 1

T = TypeVar("T")


class StoppedError(Exception):
    """The export was removed or taken over, or the service stops."""


class Job:
    """Made on the event loop, used on a thread. ``stopping`` is the service's."""

    def __init__(self, database: Database, identity: str, owner: str, clock: Clock, stopping: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._database = database
        self._identity = identity
        self._owner = owner
        self._clock = clock
        self._stopping = stopping
        self._told_at = 0

    def read(self, unit: Unit[T], /) -> T:
        return asyncio.run_coroutine_threadsafe(self._database.read(unit), self._loop).result()

    def progress(self, done: int, total: int) -> None:
        """Told to the database about once a second, which also keeps the export ours. Raises StoppedError."""
        if self._stopping.is_set():
            raise StoppedError("the service stops")
        now = self._clock()
        if 0 <= now - self._told_at < TELL_S * SECOND:
            return
        self._told_at = now
        until = now + LEASE_S * SECOND
        tell = partial(store.progress, identity=self._identity, owner=self._owner, done=done, total=total, until=until)
        if not asyncio.run_coroutine_threadsafe(self._database.write(tell), self._loop).result():
            raise StoppedError("the export was removed or taken over")
