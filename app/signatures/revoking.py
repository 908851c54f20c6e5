"""A key that was compromised takes its grants back with it, in the same transaction."""

from __future__ import annotations

from app.blobs.store import BlobStore
from app.consents import bearing
from app.consents import store as consents
from app.consents.bearing import Recorded
from app.consents.recording import Recorder
from app.db.tx import Tx
from app.people import key_bearing
from app.people.key_store import KeyStep
from app.releases import store as releases
from app.signatures.checking import void_reason
from app.work import store as work


class Revoking:
    """Called by the registry of keys when it revokes one."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def __call__(self, tx: Tx, tenant: str, step: KeyStep, now: int) -> None:
        """Void what was recorded from ``step.since`` on, and have those pull requests judged again."""
        if step.reason != "compromised":
            return
        reason = void_reason(key_bearing.KeyStanding(step.fingerprint, compromised_since=step.since))
        recorder = Recorder(tx, tenant, self._blobs, now)
        for grant in consents.signed_with(tx, tenant, step.fingerprint):
            row = releases.one(tx, tenant, grant.release_id)
            recorded = bearing.recorded(tx, tenant, grant.release_id).get(grant.id, Recorded())
            if row is None or grant.void_reason is not None or recorded.at < step.since:
                continue
            recorder.void(row.trace_id, row.id, grant.id, reason, key_bearing.resource(step.fingerprint))
            work.mark(tx, f"pull/{row.repository_id}/{row.number}", now)
