"""How long each tenant keeps what: from the settings, on record, lengthened at will and never shortened silently."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.audit import store as audit
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.privacy.errors import PrivacyError, RetentionShortenedError
from app.privacy.model import RETENTION
from app.privacy.sealer import Sealer
from app.privacy.words import expect_reason
from app.settings.model import Settings
from app.sinks.worm import BLOBS
from app.tenants.model import SYSTEM
from manifests.record import Draft, facts

RESOURCE = RETENTION


class Kept(msgspec.Struct, frozen=True):
    """Days, by kind; also the data of a ``retention.set`` record."""

    blobs: int
    deliveries: int
    records: int


def of_settings(settings: Settings) -> dict[str, Kept]:
    """By tenant, the system's log among them."""
    usual = settings.audit.retention_days
    found = {SYSTEM: Kept(usual, usual, usual)}
    for tenant in settings.tenants:
        own = tenant.retention
        found[tenant.id] = Kept(
            own.blobs_days or usual, own.deliveries_days or usual, own.records_days or usual
        )  # fmt: skip
    return found


def locked(settings: Settings) -> dict[str, int]:
    """Days that WORM storage locks the records of each log; blobs, which logs share, as long as the longest."""
    kept = of_settings(settings)
    return {BLOBS: max(one.blobs for one in kept.values()), **{log: one.records for log, one in kept.items()}}


def recorded(tx: Tx, log: str) -> Kept | None:
    """What was set last. Raises RecordAlteredError."""
    said = [one for one in audit.records_of(tx, log, RESOURCE) if one.event == "retention.set"]
    return msgspec.json.decode(said[-1].data, type=Kept) if said else None


async def settle(database: Database, wanted: Mapping[str, Kept], clock: Clock) -> None:
    """Record what the settings say, where that is new. Raises RetentionShortenedError."""

    def unit(tx: Tx) -> None:
        for log in sorted(wanted):
            before = recorded(tx, log)
            if before == wanted[log]:
                continue
            shorter = _shorter(before, wanted[log]) if before is not None else ""
            if shorter:
                raise RetentionShortenedError(
                    f"expected retention of {log} at least as long as was recorded, found {shorter}; "
                    f"set it back, or record it first with `countersign retention shorten {log} --reason …`"
                )
            tx.stage(log, _draft(wanted[log], clock(), "service:countersign", "extended" if before else "set"))

    await database.write(unit)


async def shorten(
    database: Database, sealer: Sealer, wanted: Mapping[str, Kept], log: str, reason: str, by: str, clock: Clock
) -> Kept:
    """Record what the settings now say for one tenant, so that the service starts with it. What is locked in WORM
    storage stays locked. Raises PrivacyError."""
    reason = expect_reason(reason)
    kept = wanted.get(log)
    if kept is None:
        raise PrivacyError("retention.unknown", "a tenant of the settings", log, "Check the name.", status=404)

    def unit(tx: Tx) -> None:
        before = recorded(tx, log)
        if before is None or not _shorter(before, kept):
            raise PrivacyError(
                "retention.not_shorter", f"settings that keep something of {log} shorter than was recorded",
                "none that do", "Change the settings first; what is longer needs no command.",
            )  # fmt: skip
        tx.stage(log, sealer.draft(tx, log, RESOURCE, _draft(kept, clock(), by, "shortened"), reason=reason))

    await database.write(unit)
    return kept


def _shorter(before: Kept, after: Kept) -> str:
    pairs = zip(msgspec.structs.asdict(before).items(), msgspec.structs.astuple(after), strict=True)
    return ", ".join(f"{name} {new} instead of {old} days" for (name, old), new in pairs if new < old)


def _draft(kept: Kept, at: int, by: str, outcome: str) -> Draft:
    return Draft(
        trace_id=RESOURCE, ts=at, stage="system", event="retention.set", component="privacy", action="set",
        resource=RESOURCE, actor_ref=by, outcome=outcome, data=facts(kept),
    )  # fmt: skip
