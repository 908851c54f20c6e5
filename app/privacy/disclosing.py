"""Looking at what is sealed: single records for auditors, everything about somebody who asks. Each look is a record."""

from __future__ import annotations

import msgspec

from app.audit import store as audit
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.privacy import store
from app.privacy.deliveries import Deliveries
from app.privacy.errors import PrivacyError
from app.privacy.holds import one_subject
from app.privacy.keys import subject_of
from app.privacy.model import DisclosedData
from app.privacy.portrait import Portrait, portrait
from app.privacy.sealer import Sealer
from app.privacy.words import expect_reason
from manifests.record import Draft, facts


class Unsealed(msgspec.Struct, frozen=True):
    """The sealed fields of record ``seq``; None where the key was destroyed."""

    log: str
    seq: int
    fields: dict[str, str | None]


class Disclosure:
    """Answers only once its record is in the log."""

    def __init__(self, database: Database, sealer: Sealer, deliveries: Deliveries, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._deliveries = deliveries
        self._clock = clock

    async def unseal(self, tenant: str, seq: int, reason: str, by: str) -> Unsealed:
        """Raises PrivacyError, RecordAlteredError, ManifestError for a field that its key does not open."""
        reason, now = expect_reason(reason), self._clock()

        def unit(tx: Tx) -> Unsealed:
            found = audit.record_at(tx, tenant, seq)
            if found is None:
                raise PrivacyError(
                    "audit.no_such_record", "the number of a record", str(seq), "See the log's size.", status=404
                )
            if not found.sealed:
                raise PrivacyError(
                    "audit.nothing_sealed", "a record with sealed fields", f"none in record {seq}",
                    "It can be read as it is.",
                )  # fmt: skip
            opened = self._sealer.record(tx, found)
            subjects = tuple(sorted({subject_of(tx, tenant, sealed.key) or "unknown" for sealed in found.sealed}))
            data = DisclosedData(subjects, seq, tuple(sorted(opened)))
            self._record(tx, tenant, subjects[0], "unsealed", f"record/{seq}", data, reason, by, now)
            return Unsealed(tenant, seq, opened)

        return await self._database.write(unit)

    async def export(self, tenant: str, named: str, reason: str, by: str) -> Portrait:
        """Everything about one subject, for an access request. Raises PrivacyError, ManifestError."""
        reason, now = expect_reason(reason), self._clock()

        def unit(tx: Tx) -> Portrait:
            subject = store.find(tx, tenant, one_subject(tx, tenant, named))[0]
            found = portrait(tx, tenant, subject, self._sealer, self._deliveries, now)
            data = DisclosedData((subject.id,))
            self._record(tx, tenant, subject.id, "exported", f"person/{subject.id}", data, reason, by, now)
            return found

        return await self._database.write(unit)

    def _record(
        self, tx: Tx, tenant: str, subject: str, outcome: str, resource: str, data: DisclosedData, reason: str, by: str,
        now: int,
    ) -> None:  # fmt: skip
        draft = Draft(
            trace_id=f"person-{subject}", ts=now, stage="system", event="subject.disclosed", component="privacy",
            action="disclosed", resource=resource, actor_ref=by, outcome=outcome, data=facts(data),
        )  # fmt: skip
        tx.stage(tenant, self._sealer.draft(tx, tenant, subject, draft, reason=reason))
