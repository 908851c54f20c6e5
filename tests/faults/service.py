"""The service as a process that tests start and kill: ``python -m tests.faults.service <plan>``.

The plan is a pickle that the test wrote. Nothing of this is known to the service itself: its database and clients are
wrapped from outside.
"""

from __future__ import annotations

import asyncio
import pickle
import resource
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from app import logging
from app.clock import now
from app.keys.service import open_database
from app.service import Service
from app.settings.model import Settings
from app.work import runner
from tests.faults.kills import SERVICENOW_WRITES, Counted, CountedApp, CountedDatabase, Steps

WAKE_S = 0.05
POLL_S = 0.15
LEASE_S = 4


class Plan(NamedTuple):
    """``kill``: side, name and number of the step to die at."""

    settings: Settings
    trace: Path
    kill: tuple[str, str, int] | None = None


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


def _fill_disk(lift: bool) -> None:
    """From now on this process can write to no file, as on a full disk; or it can again."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if lift else 1, hard))


async def main(plan: Plan) -> None:
    # The leases of a replica that died run out while the test is still patient.
    runner.LEASE_S, runner.WORK_S = LEASE_S, LEASE_S - 1
    for name, lift in ((signal.SIGUSR1, False), (signal.SIGUSR2, True)):
        asyncio.get_running_loop().add_signal_handler(name, partial(_fill_disk, lift))
    steps = Steps(plan.trace, plan.kill)
    KillableService.steps = steps
    database, keys = await open_database(plan.settings, now)
    service = KillableService(plan.settings, CountedDatabase(database, steps), keys)
    await service.start(sweep=True)
    print(service.address, flush=True)
    while True:
        # Time passes quickly here, so that what waits for the clock need not be waited for.
        await asyncio.sleep(WAKE_S)
        service.runner.wake()


if __name__ == "__main__":
    logging.configure("warning", "text")
    asyncio.run(main(pickle.loads(Path(sys.argv[1]).read_bytes())))
