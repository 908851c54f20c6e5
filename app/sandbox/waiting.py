"""Waiting for what must become so: asked again and again, never slept for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.clock import SECOND

T = TypeVar("T")
PATIENCE_S = 45.0
PAUSE_S = 0.05


class StoryError(Exception):
    """Something in the sandbox's story did not end as it should."""


async def until(
    read: Callable[[], Awaitable[T]], good: Callable[[T], bool], what: str, patience_s: float = PATIENCE_S
) -> T:
    """The first reading that is good. Raises StoryError with the last one when that takes too long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience_s
    while True:
        found = await read()
        if good(found):
            return found
        if loop.time() >= end:
            raise StoryError(f"expected {what} within {patience_s:g} s, found {found}")
        await asyncio.sleep(PAUSE_S)


async def next_second(clock: Callable[[], int]) -> None:
    """Until ``clock`` (microseconds) shows another second: the times of GitHub and ServiceNow have no finer grain,
    and an approval must be later than what it approves."""
    await asyncio.sleep(1.01 - clock() % SECOND / SECOND)
