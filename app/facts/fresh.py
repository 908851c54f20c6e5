"""Facts that change at their source: read once for many, remembered for a short time, forgotten on notice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import msgspec

from app.clock import SECOND, Clock

T = TypeVar("T")


class Seen(msgspec.Struct, Generic[T], frozen=True):
    """A fact and when it was read at its source, in microseconds since 1970 UTC (before the request left)."""

    value: T
    at: int


class FreshCache(Generic[T]):
    """``read`` answers from memory what is at most ``max_age_s`` old; concurrent readers share one request.

    From half that age on a reader has it renewed behind its back, so that under load nobody waits.
    """

    def __init__(self, clock: Clock, max_age_s: float, *, limit: int = 10_000) -> None:
        self._clock = clock
        self._max_age = int(max_age_s * SECOND)
        self._limit = limit
        self._seen: dict[Hashable, Seen[T]] = {}
        self._reading: dict[Hashable, asyncio.Task[Seen[T]]] = {}

    async def read(self, key: Hashable, source: Callable[[], Awaitable[T]]) -> Seen[T]:
        seen = self._seen.get(key)
        age = self._clock() - seen.at if seen is not None else -1
        if seen is not None and 0 <= age <= self._max_age:
            if age > self._max_age // 2:
                self._start(key, source)
            return seen
        return await asyncio.shield(self._start(key, source))

    def _start(self, key: Hashable, source: Callable[[], Awaitable[T]]) -> asyncio.Task[Seen[T]]:
        task = self._reading.get(key)
        if task is None:
            task = asyncio.ensure_future(self._fetch(key, source))
            self._reading[key] = task
            task.add_done_callback(lambda done: self._settle(key, done))
        return task

    def put(self, key: Hashable, value: T, at: int) -> None:
        """Remember what was read elsewhere."""
        self._seen[key] = Seen(value, at)

    def forget(self, key: Hashable | None = None) -> None:
        """Forget one fact, or all. A request under way is not shared any more: it may have read the old."""
        if key is None:
            self._seen.clear()
            self._reading.clear()
        else:
            self._seen.pop(key, None)
            self._reading.pop(key, None)

    def forget_where(self, matches: Callable[[Hashable], bool]) -> None:
        for key in [key for key in {*self._seen, *self._reading} if matches(key)]:
            self.forget(key)

    async def _fetch(self, key: Hashable, source: Callable[[], Awaitable[T]]) -> Seen[T]:
        at = self._clock()
        me = asyncio.current_task()
        seen = Seen(await source(), at)
        if self._reading.get(key) is me:
            if len(self._seen) >= self._limit:
                self._seen.clear()
            self._seen[key] = seen
        return seen

    def _settle(self, key: Hashable, task: asyncio.Task[Seen[T]]) -> None:
        if self._reading.get(key) is task:
            del self._reading[key]
        if not task.cancelled():
            task.exception()  # every reader gets it; without readers it is not worth a warning
