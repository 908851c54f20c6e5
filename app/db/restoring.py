"""Make the guards of append-only tables again, and say so in the log, in one transaction."""

from __future__ import annotations

from app.clock import Clock
from app.db import guards
from app.db.tx import Tx
from app.keys.service import open_database
from app.settings.model import Settings
from app.tenants.model import SYSTEM
from manifests.record import Draft, facts


async def restore_guards(settings: Settings, clock: Clock) -> tuple[str, ...]:
    """What was not as it must be; nothing when all was well. The schema is brought to this version's first.

    Raises GuardsError for a table that is gone, DatabaseUnavailableError, app.keys.errors.ServerKeyError.
    """
    database, _ = await open_database(settings, clock, guarded=False)
    try:
        return await database.write(lambda tx: _restore(tx, clock()))
    finally:
        await database.close()


def _restore(tx: Tx, at: int) -> tuple[str, ...]:
    found = guards.restore(tx.connection)
    if found:
        tx.stage(SYSTEM, _draft(found, at))
    return found


def _draft(found: tuple[str, ...], at: int) -> Draft:
    return Draft(
        trace_id="append-only", ts=at, stage="system", event="guards.restored", component="database",
        action="restored", resource="guards", actor_ref="service:countersign", outcome="alarm",
        data=facts({"differences": found}),
    )  # fmt: skip
