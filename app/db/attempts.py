"""Attempts to change what is only ever added to become records: through a write of their own, for what a trigger
writes is rolled back with the statement that it refuses."""

from __future__ import annotations

import structlog

from app.clock import Clock
from app.db.database import Database, DatabaseUnavailableError
from app.db.refused import AppendOnlyError
from app.metrics import Metrics
from app.tenants.model import SYSTEM
from manifests.record import Draft, facts

_log = structlog.get_logger()


class Attempts:
    """See app.db.refused.Observer: a record ``audit.refused`` of the system log and an alarm for each attempt."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics | None = None) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, attempt: AppendOnlyError) -> None:
        if self._metrics is not None:
            self._metrics.alarm("audit", f"{attempt.verb} of {attempt.table} was tried and refused.")
        _log.error("audit.refused", table=attempt.table, verb=attempt.verb, unit=attempt.unit)
        try:
            await self._database.write(lambda tx: tx.stage(SYSTEM, refused(attempt, self._clock())))
        except DatabaseUnavailableError as error:
            _log.error("audit.refused_unrecorded", table=attempt.table, verb=attempt.verb, error=str(error))


def refused(attempt: AppendOnlyError, at: int) -> Draft:
    return Draft(
        trace_id="append-only", ts=at, stage="system", event="audit.refused", component="database",
        action=attempt.verb.lower(), resource=f"table/{attempt.table}", actor_ref="service:countersign",
        outcome="refused", data=facts({"statement": attempt.statement, "unit": attempt.unit}),
    )  # fmt: skip
