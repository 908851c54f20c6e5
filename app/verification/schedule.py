"""When the service verifies its logs. The scheduler is a clock only; the database gives each slot to one replica."""

from __future__ import annotations

from collections.abc import Mapping

from app.sweeps.schedule import Job
from app.verification.ladder import Ladder

SAMPLED = "23 * * * *"


def jobs(ladder: Ladder, hour: int) -> Mapping[str, tuple[str, Job]]:
    """By name a cron line (UTC) and what to do; ``hour`` is when everything is verified."""

    async def sample() -> None:
        await ladder.sample()

    async def verify() -> None:
        await ladder.verify()

    return {"audit-sample": (SAMPLED, sample), "audit-verify": (f"11 {hour} * * *", verify)}
