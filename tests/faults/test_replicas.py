"""Two replicas on one PostgreSQL: one dies, the other finishes; the log never forks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.sandbox.world import REPOSITORY
from app.settings.model import Server
from tests.db.postgres import new_postgres, postgres_server, postgres_url
from tests.faults.journey import by_pipeline, no_doubles, picture, play, verified
from tests.faults.running import Child, Stage, free_port, staged, until
from tests.faults.service import Plan

__all__ = ["new_postgres", "postgres_server", "postgres_url"]


def _commented(stage: Stage) -> bool:
    pulls = stage.github.world.repository(REPOSITORY).pulls
    return any(pull.comments for pull in pulls.values())


def _checked(stage: Stage) -> bool:
    return bool(stage.github.world.repository(REPOSITORY).check_runs)


def _opened(stage: Stage) -> bool:
    return bool(stage.servicenow.changes())


def _approved(stage: Stage) -> bool:
    return any(change.approval == "approved" for change in stage.servicenow.changes())


MOMENTS = [_commented, _approved, *([_checked, _opened] if os.environ.get("COUNTERSIGN_KILLS") == "all" else [])]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__.strip("_"))
async def test_the_other_replica_finishes(tmp_path: Path, postgres_url: str, moment: Callable[[Stage], bool]) -> None:
    async with staged(tmp_path, postgres_url) as stage:
        one, other = _replicas(stage)
        await one.start()
        await one.ready.wait()
        await other.start()
        await other.ready.wait()
        try:
            death = asyncio.create_task(_die(stage, one, other, moment))
            played = await play(stage, by_pipeline)
            await death
        finally:
            await one.stop()
            await other.stop()
        assert one.deaths == 1
        assert await asyncio.to_thread(verified, stage) == ()
        no_doubles(stage, played)
        seen = await picture(stage, played)
    assert seen.check[:2] == ("success", "Allowed: production")
    assert (len(seen.changes), seen.changes[0][:2]) == (1, ("closed", "successful"))
    assert seen.once["grant.recorded"] == 2
    assert {seen.once[event] for event in ("release.proposed", "change.opened", "decision.redeemed")} == {1}


def _replicas(stage: Stage) -> tuple[Child, Child]:
    settings = stage.world.settings(stage.world.github.base_url)
    # Replicas are reached by one public address, which their texts carry.
    server = Server(host="127.0.0.1", port=free_port(), public_url=settings.server.public_url)
    beside = settings.model_copy(update={"server": server})
    one = Child(Plan(settings, stage.trace), stage.world.folder, "one", restart=False)
    return one, Child(Plan(beside, stage.trace), stage.world.folder, "other", restart=False)


async def _die(stage: Stage, one: Child, other: Child, moment: Callable[[Stage], bool]) -> None:
    """As a load balancer, send everything to the other once the one is gone, and what failed again."""
    await until(lambda: moment(stage), moment.__name__)
    one.kill()
    await until(lambda: one.deaths, "the end of a replica")
    stage.address = other.address
    stage.world.app.webhook_url = f"{other.address}/webhooks/github"
    await stage.github.settle()
    for delivery in list(stage.github.deliveries.log):
        if delivery.status_code != 202:
            stage.github.deliveries.redeliver(delivery)
