"""The service compares its tables with its log by itself."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.audit.store import records_of
from app.clock import now
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.people import store as people
from app.rebuild.watch import Watch
from tests.audit.made import KEY
from tests.db.opened import opened


def alarms(metrics: Metrics, kind: str) -> float:
    return metrics.registry.get_sample_value("countersign_alarms_total", {"kind": kind}) or 0.0


async def told(database: Database) -> list[dict[str, object]]:
    found = await database.read(lambda tx: records_of(tx, "acme", "audit/compared"))
    return [msgspec.json.decode(one.data) for one in found]


async def test_what_somebody_changed_in_a_table_alarms_and_is_on_record(database_url: str) -> None:
    metrics = Metrics()
    async with opened(database_url, LogSequencer([KEY])) as database:
        watch = Watch(database, database_url, ["acme", "system"], now, metrics)
        await database.write(_pin)
        await watch()
        assert (alarms(metrics, "difference"), await told(database)) == (0, [])
        await database.write(lambda tx: tx.run(text("UPDATE group_pins SET team_id = 4")))
        await watch()
        assert alarms(metrics, "difference") == 1
        (data,) = await told(database)
        assert data["tables"] == {"group_pins": 1}


async def test_a_database_that_cannot_be_compared_alarms_too(database_url: str) -> None:
    metrics = Metrics()
    async with opened(database_url, LogSequencer([KEY])) as database:
        await Watch(database, "sqlite:////nowhere/at/all.db", ["acme"], now, metrics)()
    assert alarms(metrics, "audit") == 1


def _pin(tx: Tx) -> None:
    people.pin_team(tx, "acme", "acme/risk", 3, 5)
