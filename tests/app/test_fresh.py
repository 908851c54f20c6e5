"""Facts remembered for a short time: read once for many, never older than promised, forgotten on notice."""

from __future__ import annotations

import asyncio

import pytest

from app.clock import SECOND
from app.facts.fresh import FreshCache


class Source:
    """Counts its reads and answers with their number; ``gate`` holds answers back."""

    def __init__(self) -> None:
        self.reads = 0
        self.now = 1_000 * SECOND
        self.gate: asyncio.Event | None = None
        self.cache: FreshCache[int] = FreshCache(lambda: self.now, 10)

    async def read(self) -> int:
        self.reads += 1
        answer = self.reads
        if self.gate is not None:
            await self.gate.wait()
        return answer

    async def ask(self) -> int:
        return (await self.cache.read("key", self.read)).value


async def test_a_young_fact_is_answered_from_memory_with_the_time_it_was_read() -> None:
    source = Source()
    first = await source.cache.read("key", source.read)
    source.now += 4 * SECOND
    again = await source.cache.read("key", source.read)
    assert (again, source.reads) == (first, 1)
    assert again.at == 1_000 * SECOND


async def test_an_old_fact_is_read_again_before_it_is_answered() -> None:
    source = Source()
    await source.ask()
    source.now += 11 * SECOND
    assert await source.ask() == 2


async def test_a_clock_that_ran_backwards_makes_nothing_young() -> None:
    source = Source()
    await source.ask()
    source.now -= SECOND
    assert await source.ask() == 2


async def test_past_half_its_age_a_fact_is_renewed_behind_the_readers_back() -> None:
    source = Source()
    await source.ask()
    source.now += 6 * SECOND
    assert await source.ask() == 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await source.ask() == 2


async def test_readers_at_once_share_one_request() -> None:
    source = Source()
    source.gate = asyncio.Event()
    asking = [asyncio.create_task(source.ask()) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(*asking) == [1] * 5


async def test_what_was_under_way_when_it_was_forgotten_is_not_remembered() -> None:
    """It may have read the old; whoever asks afterwards gets the new."""
    source = Source()
    source.gate = asyncio.Event()
    early = asyncio.create_task(source.ask())
    await asyncio.sleep(0)
    source.cache.forget("key")
    late = asyncio.create_task(source.ask())
    await asyncio.sleep(0)
    source.gate.set()
    assert list(await asyncio.gather(early, late)) == [1, 2]
    assert await source.ask() == 2


async def test_an_error_reaches_every_reader_and_is_not_remembered() -> None:
    source = Source()

    async def fail() -> int:
        raise LookupError("gone")

    for _ in range(2):
        with pytest.raises(LookupError):
            await source.cache.read("key", fail)
    assert await source.ask() == 1


async def test_a_reader_who_gives_up_does_not_take_the_others_with_them() -> None:
    source = Source()
    source.gate = asyncio.Event()
    first, second = asyncio.create_task(source.ask()), asyncio.create_task(source.ask())
    await asyncio.sleep(0)
    first.cancel()
    source.gate.set()
    assert await second == 1
