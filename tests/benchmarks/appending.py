"""Records added to a log, each acknowledged once it is on disk: chained, in the tree, under a signed checkpoint.

Producers wait for the acknowledgement of a record before they make the next one, and making one is part of what is
measured. Afterwards the log is verified: every hash, link and signature.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import NamedTuple

import msgspec

from app.audit.append import Appender
from app.audit.sequence import LogSequencer
from app.clock import now
from app.metrics import Metrics
from app.verification.verify import verify
from manifests.keys import PrivateKey
from manifests.record import Draft, facts
from tests.benchmarks import databases
from tests.benchmarks.child import Child, running
from tests.benchmarks.result import Measured, main
from tests.db.opened import opened

LOG = "acme"
NOTE = "x" * 90
"""Makes a record about as long as a verdict's: 390 bytes."""

PRODUCERS = (1, 64, 256, 1024)
WRITERS = 8
PROCESSES = 2
KEY = PrivateKey.generate("ed25519")


class Job(msgspec.Struct, frozen=True):
    """``producers`` over ``writers``, each of which has a database and an appender as a replica has, for ``seconds``;
    the producers' numbers begin with ``first``."""

    url: str
    pem: bytes
    writers: int
    producers: int
    seconds: float
    first: int = 0


class Done(msgspec.Struct, frozen=True):
    """How many were acknowledged in how many seconds, and their times in milliseconds."""

    count: int
    seconds: float
    p50: float
    p99: float


class _Target(NamedTuple):
    target: float
    floor: float


_TARGETS = {"sqlite.256": _Target(50_000, 25_000), "postgresql.8_writers_of_256": _Target(60_000, 30_000)}


async def append(job: Job) -> Done:
    """Here, in this process."""
    sequencer = LogSequencer([PrivateKey.from_pem(job.pem)])
    took: list[float] = []
    async with AsyncExitStack() as stack:
        appenders = []
        for _ in range(job.writers):
            database = await stack.enter_async_context(opened(job.url, sequencer))
            appenders.append(Appender(database, sequencer, Metrics()))
            await appenders[-1].append(LOG, [draft(job.first, 0)])
        # As a running service has it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        started = time.perf_counter()
        end = started + job.seconds

        async def produce(number: int) -> None:
            appender = appenders[number % job.writers]
            nth = 1
            while (begun := time.perf_counter()) < end:
                await appender.append(LOG, [draft(job.first + number, nth)])
                took.append(time.perf_counter() - begun)
                nth += 1

        await asyncio.gather(*map(produce, range(job.producers)))
        seconds = time.perf_counter() - started
    took.sort()
    return Done(len(took), seconds, took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000)


def draft(producer: int, nth: int) -> Draft:
    return Draft(
        trace_id=f"run-{producer}", ts=now(), stage="verify", event="verdict.recorded", component="gate",
        resource=f"release/{producer}", outcome="wait", data=facts({"note": NOTE, "number": nth}),
    )  # fmt: skip


async def measure(quick: bool) -> list[Measured]:
    seconds = 1.5 if quick else 6.0
    found: list[Measured] = []
    async with databases.folder() as folder:
        for producers in PRODUCERS:
            url = f"sqlite:///{folder}/{producers}.db"
            found += await _measure(f"sqlite.{producers}", url, [_job(url, 1, producers, seconds)])
    async with databases.folder() as folder, databases.postgres(folder) as url:
        for producers in PRODUCERS:
            found += await _measure(f"postgresql.{producers}", url, [_job(url, 1, producers, seconds)])
        for each in (32, 256):
            found += await _measure(f"postgresql.{WRITERS}_writers_of_{each}", url, _replicas(url, each, seconds))
        found.append(await _verified("postgresql", url))
    return found


def _job(url: str, writers: int, producers: int, seconds: float) -> Job:
    return Job(url, KEY.to_pem(), writers, producers, seconds)


def _replicas(url: str, each: int, seconds: float) -> list[Job]:
    """Eight writers of one log with so many producers each, in as many processes as there are processors."""
    writers = WRITERS // PROCESSES
    jobs = [_job(url, writers, writers * each, seconds) for _ in range(PROCESSES)]
    return [msgspec.structs.replace(job, first=number * job.producers) for number, job in enumerate(jobs)]


async def _measure(name: str, url: str, jobs: list[Job]) -> list[Measured]:
    done = await _in_children(jobs)
    rate = sum(one.count / one.seconds for one in done)
    aim = _TARGETS.get(name)
    rated = Measured(f"append.{name}", rate, "1/s")
    if aim is not None:
        rated = Measured(f"append.{name}", rate, "1/s", "≥", aim.target, floor=aim.floor)
    found = [rated]
    p50 = max(one.p50 for one in done)
    alone = jobs[0].producers == 1
    found.append(Measured(f"append.{name}.p50", p50, "ms", *(("≤", 1.0, True, 1.0) if alone else ())))
    found.append(Measured(f"append.{name}.p99", max(one.p99 for one in done), "ms"))
    if url.startswith("sqlite"):
        found.append(await _verified(name, url))
    return found


async def _in_children(jobs: Iterable[Job]) -> list[Done]:
    async with AsyncExitStack() as stack:
        children: list[tuple[Child, Job]] = []
        for job in jobs:
            children.append((await stack.enter_async_context(running("tests.benchmarks.appending_child")), job))
        for child, job in children:
            await child.write(job)
        return [await child.read(Done, 300) for child, _ in children]


async def _verified(name: str, url: str) -> Measured:
    """How many findings; 0 means that no record is missing, altered or forked."""
    report = await asyncio.to_thread(verify, url, [KEY.public], clock=now)
    return Measured(f"append.{name}.findings", len(report.findings), "findings", "≤", 0, scaled=False)


if __name__ == "__main__":
    main(measure, __doc__)
