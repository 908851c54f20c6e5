"""The numbers that the service keeps about itself and its neighbours."""

from __future__ import annotations

from app.gauges import Gauges
from app.metrics import Metrics
from app.sandbox.world import TENANT
from app.work import store as work
from tests.journey.played import Played

MINUTE = 60_000_000


def shown(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"countersign_{name}", labels) or 0.0


async def test_the_service_feeds_its_gauges_by_itself(short: Played) -> None:
    metrics = short.service.metrics
    await short.until(lambda: shown(metrics, "log_size", log="system"), bool, "the length of the log")


async def test_what_waits_and_how_long_the_logs_are_is_read(short: Played) -> None:
    database, metrics, now = short.service.database, Metrics(), 10**18
    gauges = Gauges(database, metrics, (TENANT, "system"), lambda: now)
    await gauges.read()
    assert (shown(metrics, "work_due"), shown(metrics, "work_oldest_seconds")) == (0, 0)
    await database.write(lambda tx: work.mark_many(tx, {"none/a": now - MINUTE, "none/b": now, "none/c": now + 1}))
    await gauges.read()
    assert (shown(metrics, "work_due"), shown(metrics, "work_oldest_seconds")) == (2, 60)
    assert shown(metrics, "log_size", log="system") >= 1


async def test_calls_to_both_neighbours_are_counted(world: Played) -> None:
    pull = await world.propose()
    await world.settled()
    metrics = world.service.metrics
    for neighbour in ("github", "servicenow"):
        assert shown(metrics, "neighbour_calls_total", neighbour=neighbour, result="ok") > 0, pull
        assert shown(metrics, "neighbour_seconds_count", neighbour=neighbour) > 0
