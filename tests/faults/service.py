"""The service as a process that tests start and kill: ``python -m tests.faults.service <plan>``.

The plan is a pickle that the test wrote. Nothing of this is known to the service itself: its database and clients are
wrapped from outside.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from pathlib import Path
from typing import Any, NamedTuple, cast

from app import logging
from app.clock import now
from app.keys.service import open_database
from app.service import Service
from app.settings.model import Settings
from tests.faults.kills import SERVICENOW_WRITES, Counted, CountedApp, CountedDatabase, Steps

WAKE_S = 0.05
POLL_S = 0.15


class Plan(NamedTuple):
    """``kill``: side, name and number of the step to die at. ``ahead_s``: how far the clock is ahead."""

    settings: Settings
    trace: Path
    kill: tuple[str, str, int] | None = None
    ahead_s: int = 0


class KillableService(Service):
    """The service with its neighbours and database counted."""

    steps: Steps

    def _wire(self, concurrency: int) -> None:
        self.github = cast(Any, CountedApp(self.github, self.steps))
        for tenant in self.tenants:
            tenant.poll_s = POLL_S
            if tenant.servicenow is not None:
                tenant.servicenow = cast(Any, Counted(tenant.servicenow, self.steps, "servicenow", SERVICENOW_WRITES))
        super()._wire(concurrency)


async def main(plan: Plan) -> None:
    def clock() -> int:
        return now() + plan.ahead_s * 1_000_000

    steps = Steps(plan.trace, plan.kill)
    KillableService.steps = steps
    database, keys = await open_database(plan.settings, clock)
    service = KillableService(plan.settings, CountedDatabase(database, steps), keys, clock=clock)
    await service.start(sweep=True)
    print(service.address, flush=True)
    while True:
        # Time passes quickly here, so that what waits for the clock need not be waited for.
        await asyncio.sleep(WAKE_S)
        service.runner.wake()


if __name__ == "__main__":
    logging.configure("warning", "text")
    asyncio.run(main(pickle.loads(Path(sys.argv[1]).read_bytes())))
