"""Deliveries stored and answered: how many, how fast, and none lost.

The service here takes deliveries only, as it does of a burst before it works it off: what working on them costs
is measured by ``evaluations``.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from app.db.connect import sqlite_path
from app.sandbox.world import SECRET, World
from app.settings.model import Settings
from tests.benchmarks import databases
from tests.benchmarks.child import Child
from tests.benchmarks.load import Job, Load, load, post
from tests.benchmarks.result import Measured, main
from tests.benchmarks.service import Ready, serve_in_child

BODY_BYTES = 10 * 1024
BURST = 10_000
ONLY_TAKE = ("--concurrency", "0")


async def measure(quick: bool) -> list[Measured]:
    found: list[Measured] = []
    async with databases.folder() as folder:
        found += await _on("sqlite", folder, f"sqlite:///{folder / 'countersign.db'}", quick)
    async with databases.folder() as folder, databases.postgres(folder) as url:
        found += await _on("postgresql", folder, url, quick)
    return found


async def _on(name: str, folder: Path, url: str, quick: bool) -> list[Measured]:
    settings = await _settings(folder, url)
    child, ready = await serve_in_child(folder, settings, *ONLY_TAKE)
    try:
        await load(_job(ready, 2_000))
        fast = await load(_job(ready, 10_000 if quick else 40_000, first=1_000_000))
        steady = await load(_job(ready, 2_000 if quick else 15_000, first=2_000_000, rate=1_000))
        burst = await load(_job(ready, BURST, first=3_000_000))
    finally:
        await child.stop()
    lost = await _lost(url, burst)
    killed, lost_by_kill = await _killed(folder, settings, url)
    return [
        Measured(f"webhooks.{name}.rate", fast.per_second, "1/s", "≥", 5_000),
        Measured(f"webhooks.{name}.p99_at_1000", steady.p99, "ms", "≤", 25),
        Measured(f"webhooks.{name}.burst_answered", burst.ok, "of 10000", scaled=False),
        Measured(f"webhooks.{name}.burst_lost", lost, "deliveries", "≤", 0, scaled=False),
        Measured(f"webhooks.{name}.killed_answered", killed.ok, "of 10000", scaled=False),
        Measured(f"webhooks.{name}.killed_lost", lost_by_kill, "deliveries", "≤", 0, scaled=False),
    ]


async def _settings(folder: Path, url: str) -> Settings:
    """The sandbox's settings; nobody is asked anything, so its neighbours need not run."""
    async with _neighbours(World(folder, database_url=url)) as world:
        settings = world.settings(world.github.base_url)
    tenants = tuple(tenant.model_copy(update={"servicenow": None}) for tenant in settings.tenants)
    return settings.model_copy(update={"tenants": tenants})


@asynccontextmanager
async def _neighbours(world: World) -> AsyncIterator[World]:
    await world.start_neighbours()
    try:
        yield world
    finally:
        await world.stop()


def _job(ready: Ready, count: int, *, first: int = 0, rate: float = 0) -> Job:
    head = post(
        "/webhooks/github", "X-GitHub-Event: pull_request", "X-GitHub-Delivery: 00000000-0000-4000-8000-{n}",
        "User-Agent: GitHub-Hookshot/5117b0d",
    )  # fmt: skip
    return Job(
        port=ready.port, head=head, body=_body(), count=count, rate=rate, secret=SECRET,
        first=first,
    )  # fmt: skip


def _body() -> str:
    """A delivery of 10 KB about one of many pull requests; ``{n}`` comes last, so that all share a beginning."""
    body = {
        "action": "labeled",
        "installation": {"id": 1},
        "repository": {"id": 7, "full_name": "acme/models"},
        "sender": {"id": 5, "login": "alice", "type": "User"},
        "number": 1,
        "pull_request": {"number": 1, "title": "Release", "body": ""},
        "after": "{n}",
    }
    padding = BODY_BYTES - len(json.dumps(body)) - 9
    body["pull_request"] = {"number": 1, "title": "Release", "body": "x" * padding}
    return json.dumps(body)


async def _killed(folder: Path, settings: Settings, url: str) -> tuple[Load, int]:
    """A burst in whose middle the process is killed. Counted after a restart."""
    child, ready = await serve_in_child(folder, settings, *ONLY_TAKE)
    try:
        outcome = await _with_kill(child, _job(ready, BURST, first=4_000_000))
    finally:
        await child.kill()
    again, _ = await serve_in_child(folder, settings, *ONLY_TAKE)
    await again.stop()
    return outcome, await _lost(url, outcome)


async def _with_kill(child: Child, job: Job) -> Load:
    async def soon() -> None:
        await asyncio.sleep(1.0)
        await child.kill()

    killing = asyncio.create_task(soon())
    outcome = await load(job)
    await killing
    return outcome


async def _lost(url: str, outcome: Load) -> int:
    """How many of those that were answered 2xx are not there."""
    stored = await _stored(url)
    return sum(f"00000000-0000-4000-8000-{number:012d}" not in stored for number in outcome.answered)


async def _stored(url: str) -> set[str]:
    sql = "SELECT guid FROM deliveries"
    path = sqlite_path(url)
    if path is not None:
        with sqlite3.connect(path) as connection:
            return {row[0] for row in connection.execute(sql)}
    connection = await asyncpg.connect(url)
    try:
        return {row[0] for row in await connection.fetch(sql)}
    finally:
        await connection.close()


if __name__ == "__main__":
    main(measure, __doc__)
