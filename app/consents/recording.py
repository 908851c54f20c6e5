"""Writing grants and voids down, each with its record, in the caller's transaction."""

from __future__ import annotations

from app.blobs.store import BlobStore
from app.consents import bearing, store
from app.consents.bearing import GrantData, VoidData
from app.consents.store import NewGrant
from app.db.tx import Tx
from manifests import canonical
from manifests.record import Draft, facts
from manifests.vocabulary import Event


class Recorder:
    """Writes into the log of one tenant. ``now`` is microseconds since 1970 UTC."""

    def __init__(self, tx: Tx, tenant: str, blobs: BlobStore, now: int) -> None:
        self._tx = tx
        self._tenant = tenant
        self._blobs = blobs
        self._now = now

    def grant(self, trace_id: str, grant: NewGrant) -> None:
        """The grant, its statement and the memberships it was given under."""
        bodies = [("statement", grant.envelope), ("memberships", grant.memberships)]
        statement = self._blobs.put_many(self._tx, bodies)[0]
        written = store.insert(self._tx, self._tenant, grant, statement)
        consent = grant.consent
        data = GrantData(canonical.sha256_hex(written.encode()), consent.decision, consent.person, statement)
        name = bearing.resource(grant.release_id, consent.id)
        self._stage(trace_id, "grant.recorded", name, data, consent.person, consent.decision)

    def void(self, trace_id: str, release_id: str, grant_id: str, reason: str, cause: str) -> None:
        store.void(self._tx, grant_id, reason, cause, self._now)
        name = bearing.resource(release_id, grant_id)
        self._stage(trace_id, "grant.voided", name, VoidData(reason), "service:countersign", "void")

    def _stage(self, trace_id: str, event: Event, resource: str, data: object, actor_ref: str, outcome: str) -> None:
        self._tx.stage(
            self._tenant,
            Draft(
                trace_id=trace_id, ts=self._now, stage="approve", event=event, component="pulls",
                action=event.partition(".")[2], resource=resource, actor_ref=actor_ref, outcome=outcome,
                data=facts(data),
            ),
        )  # fmt: skip
