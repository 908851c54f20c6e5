"""The real service and a simulated GitHub on one event loop, in a time that only the test moves.

Nothing happens between two calls of ``run``, so that a history is what the test made of it. One world serves many
histories: each has its own pull request, branch and artifacts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from app.clock import SECOND
from app.db.database import Unit
from app.db.tx import Tx
from app.sandbox.world import REPOSITORY, World
from app.service import Service
from app.work import store as work
from integrations.github.simulator.model import CheckRun, Pull
from integrations.github.simulator.server import GitHubSimulator
from integrations.servicenow.simulator import ServiceNowSimulator

T = TypeVar("T")
START = 1_790_000_000 * SECOND
SOON = 900 * SECOND
"""Work that failed and is due within this time is waited for, by moving the clock."""

PATIENCE = 12
"""How often the clock is moved to the next try of what failed."""

_DUE = text("SELECT MIN(due_at) AS at FROM work WHERE failures > 0")


class Lively:
    """``now`` in microseconds since 1970 UTC."""

    def __init__(self, folder: Path, kind: type[World] = World) -> None:
        self.loop = asyncio.new_event_loop()
        self.now = START
        self.count = 0
        self.world = kind(folder, clock=self.clock, change=False)
        self.world.github = GitHubSimulator(clock=self.clock)
        self.world.servicenow = ServiceNowSimulator(self.world.servicenow.settings, clock=self.clock)
        self.service: Service = self.run(self.world.start())
        self.github = self.world.github
        self.github.push(REPOSITORY, "develop", {"DEVELOP.md": b"# Develop\n"}, author="alice")
        self.settle()

    def clock(self) -> int:
        return self.now

    def run(self, todo: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(todo, 60))

    def restart(self) -> None:
        """The service ends and begins again on the same database; GitHub sends its deliveries to the new one."""
        self.run(self.world.stop_service())
        self.service = self.run(self.world.start_service())

    def close(self) -> None:
        self.run(self.world.stop())
        self.loop.run_until_complete(asyncio.sleep(0.05))
        self.loop.close()

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)

    def settle(self, service: Service | None = None) -> None:
        """Until every delivery has been answered and nothing is left to do now."""
        self.run(self._settle(service or self.service))

    async def _settle(self, service: Service) -> None:
        moves = 0
        while True:
            if self.github.deliveries._open.is_set():
                await self.github.settle()
            service.runner.wake()
            await asyncio.sleep(0.003)
            due = await service.database.read(lambda tx: work.count_due(tx, self.now))
            if due or not service.runner.idle:
                continue
            failed = await service.database.read(_next_failed)
            if failed is None or failed > self.now + SOON:
                return
            moves += 1
            if moves > PATIENCE:
                raise AssertionError(f"work keeps failing: {await service.database.read(work.failing)}")
            self.now = max(self.now, failed)

    def sweep(self) -> None:
        """What the scheduler does every hour."""
        self.run(self.service.repair())
        self.settle()

    def pull(self, number: int) -> Pull:
        return self.github.pull(REPOSITORY, number)

    def latest(self, pull: Pull) -> CheckRun | None:
        """The newest check run on the head for its base."""
        name = f"countersign: {pull.base_ref}"
        runs = [run for run in self.github.checks(REPOSITORY, pull.head_sha) if run.name == name]
        return runs[-1] if runs else None

    def read(self, unit: Unit[T]) -> T:
        async def look() -> T:
            return await self.service.database.read(unit)

        return self.run(look())


def _next_failed(tx: Tx) -> int | None:
    row = tx.first(_DUE)
    return None if row is None else row.at
