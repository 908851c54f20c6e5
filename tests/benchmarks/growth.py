"""The same work in a longer and longer log: appending, verifying everything, the hourly sample, questions.

One log grows from 10,000 to 5,000,000 records and is measured at each size on the way. Appending, the sample and a
question should take as long in a long log as in a short one, and full verification as long for each record.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy import text

from app.audit.append import Appender
from app.audit.sequence import LogSequencer
from app.clock import now
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.search import query
from app.search.indexer import Indexer
from app.search.model import Query
from app.verification.sample import sample
from app.verification.verify import verify
from manifests.keys import PrivateKey
from manifests.record import Draft, facts
from tests.benchmarks import databases
from tests.benchmarks.result import Measured, main
from tests.db.opened import opened

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
QUICK = (10_000, 50_000, 200_000)
LAST = 5_000
"""So many records at the end of each stretch are timed, each in a call of its own from ``PRODUCERS`` at a time."""

PRODUCERS = 256
PER_CALL = 1_000
CALLERS = 2
PER_TRACE = 40
ACTORS = 50
ASKED = 200
SAMPLES = 5
LOG = "acme"
NOTE = "x" * 90
KEY = PrivateKey.generate("ed25519")

Curve = dict[str, list[tuple[int, float]]]
"""By what was measured: size of the log and value."""

UNITS = {"append": "1/s", "verify": "1/s", "sample": "ms", "query_trace": "ms", "query_actor": "ms", "query_time": "ms"}


async def measure(quick: bool) -> list[Measured]:
    found: list[Measured] = []
    sizes = QUICK if quick else SIZES
    async with databases.folder() as folder:
        found += await _grown("sqlite", f"sqlite:///{folder}/log.db", sizes)
    async with databases.folder() as folder, databases.postgres(folder) as url:
        found += await _grown("postgresql", url, sizes)
    return found


async def _grown(name: str, url: str, sizes: tuple[int, ...]) -> list[Measured]:
    curve: Curve = {what: [] for what in UNITS}
    size = 0
    for end in sizes:
        async with _appending(url) as (database, appender):
            await _fill(appender, size, end - LAST)
            curve["append"].append((end, await _append(appender, end - LAST, end)))
            await Indexer(database, pauses=0).catch_up()
            if database.dialect == "postgresql":
                # What autovacuum does by itself, a minute later.
                await database.write(lambda tx: tx.run(text("ANALYZE")))
            for what, ask in ASKS.items():
                curve[what].append((end, await _ask(database, ask, end)))
        size = end
        curve["verify"].append((end, await _timed(partial(_verify, url, end))))
        curve["sample"].append((end, await _sample(url)))
    return [one for what in UNITS for one in _told(f"growth.{name}.{what}", UNITS[what], curve[what])]


def _told(name: str, unit: str, points: list[tuple[int, float]]) -> list[Measured]:
    first, last = points[0][1], points[-1][1]
    worse = first / last if unit == "1/s" else last / first
    told = [Measured(f"{name}.{size}", value, unit) for size, value in points]
    return [*told, Measured(f"{name}.worse", worse, f"x from {points[0][0]}", "≤", 2.0, scaled=False)]


@asynccontextmanager
async def _appending(url: str) -> AsyncIterator[tuple[Database, Appender]]:
    sequencer = LogSequencer([KEY])
    async with opened(url, sequencer) as database:
        yield database, Appender(database, sequencer, Metrics())


async def _fill(appender: Appender, first: int, end: int) -> None:
    starts = iter(range(first, end, PER_CALL))

    async def caller() -> None:
        for start in starts:
            await appender.append(LOG, [_draft(n) for n in range(start, min(end, start + PER_CALL))])

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


async def _append(appender: Appender, first: int, end: int) -> float:
    """Records a second, each acknowledged before its producer makes the next."""
    numbers = iter(range(first, end))

    async def producer() -> None:
        for number in numbers:
            await appender.append(LOG, [_draft(number)])

    started = time.perf_counter()
    await asyncio.gather(*(producer() for _ in range(PRODUCERS)))
    return (end - first) / (time.perf_counter() - started)


def _draft(number: int) -> Draft:
    trace = number // PER_TRACE
    return Draft(
        trace_id=f"{trace:032x}", ts=now(), stage="verify", event="verdict.recorded", component="gate",
        action="evaluated", actor_ref=f"{trace % ACTORS:032x}", resource=f"release/{trace}", outcome="wait",
        data=facts({"note": NOTE, "number": number}),
    )  # fmt: skip


async def _timed(verified: Callable[[], Awaitable[int]]) -> float:
    started = time.perf_counter()
    count = await verified()
    return count / (time.perf_counter() - started)


async def _verify(url: str, size: int) -> int:
    report = await asyncio.to_thread(verify, url, [KEY.public], clock=now)
    if report.findings or report.records != size:
        raise RuntimeError(f"expected {size} records and no finding, found {report.records}, {report.findings[:3]}")
    return size


async def _sample(url: str) -> float:
    """The median of a few samples of 1,000 records, in milliseconds."""
    took = []
    for number in range(SAMPLES):
        started = time.perf_counter()
        await asyncio.to_thread(sample, url, [KEY.public], choose=random.Random(number))
        took.append((time.perf_counter() - started) * 1000)
    return sorted(took)[SAMPLES // 2]


Ask = Callable[[random.Random, int], Query]
ASKS: dict[str, Ask] = {
    "query_trace": lambda rng, size: Query(trace=f"{rng.randrange(size // PER_TRACE):032x}"),
    "query_actor": lambda rng, size: Query(actor=f"{rng.randrange(ACTORS):032x}"),
    "query_time": lambda rng, size: Query(until=now() - rng.randrange(1_000_000)),
}


async def _ask(database: Database, ask: Ask, size: int) -> float:
    """The median time of a page of 100 verified records, in milliseconds."""
    rng = random.Random(size)
    questions = [ask(rng, size) for _ in range(ASKED)]

    def unit(tx: Tx) -> list[float]:
        took = []
        for question in questions:
            started = time.perf_counter()
            query.page(tx, LOG, question, limit=100)
            took.append((time.perf_counter() - started) * 1000)
        return took

    return sorted(await database.read(unit))[ASKED // 2]


if __name__ == "__main__":
    main(measure, __doc__)
