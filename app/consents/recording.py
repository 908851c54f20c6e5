"""Writing grants and voids down, each with its record, in the caller's transaction."""

from __future__ import annotations

from app.blobs.store import BlobStore
from app.consents import bearing, store
from app.consents.store import NewGrant
from app.db.tx import Tx
from app.pulls.again import judge_open
from app.rebuild.grants import GrantData, VoidData
from app.rebuild.withheld import say_withheld
from gates.model import Consent
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
        """The grant, its words, its statement and the memberships it was given under."""
        consent = grant.consent
        words = store.words(consent)
        bodies = [("statement", grant.envelope), ("memberships", grant.memberships), ("consent", words)]
        statement, _, digest = self._blobs.put_many(self._tx, bodies)
        store.insert(self._tx, self._tenant, grant, statement, words)
        data = GrantData(digest, consent.decision, consent.person, statement, grant.object, grant.nonce, grant.signer)
        name = bearing.resource(grant.release_id, consent.id)
        self._stage(trace_id, "grant.recorded", name, data, consent.person, consent.decision)
        if consent.decision in store.WITHHOLDING:
            say_withheld(
                self._tx, self._tenant, grant.release_id, consent.id, consent.artifacts, trace_id=trace_id,
                person=consent.person, ts=self._now,
            )  # fmt: skip
        self._reached(consent)

    def void(self, trace_id: str, release_id: str, grant_id: str, reason: str, cause: str) -> bool:
        """False, with nothing written, when somebody voided it before."""
        if not store.void(self._tx, grant_id, reason, cause, self._now):
            return False
        name = bearing.resource(release_id, grant_id)
        self._stage(trace_id, "grant.voided", name, VoidData(reason, cause), "service:countersign", "void")
        for grant in store.by_ids(self._tx, self._tenant, [grant_id]):
            if grant.readable:
                self._reached(grant.consent)
        return True

    def _reached(self, consent: Consent) -> None:
        """A delegation for the whole repository that comes or goes changes what counts in its other releases."""
        if consent.delegation is not None and consent.delegation.scope == "repository":
            judge_open(self._tx, consent.repository_id, self._now)

    def _stage(self, trace_id: str, event: Event, resource: str, data: object, actor_ref: str, outcome: str) -> None:
        self._tx.stage(
            self._tenant,
            Draft(
                trace_id=trace_id, ts=self._now, stage="approve", event=event, component="pulls",
                action=event.partition(".")[2], resource=resource, actor_ref=actor_ref, outcome=outcome,
                data=facts(data),
            ),
        )  # fmt: skip
