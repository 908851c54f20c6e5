"""Whether a person's own signature bears a consent out, asked anew at every decision.

The log may say that somebody consented; only their key can prove it. So the stored statement is read, verified with
the enrolled key and compared with the row, and the key itself is held to what the log says of it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

import msgspec
from cachetools import LRUCache

from app.blobs.errors import BlobError
from app.blobs.store import BlobStore
from app.consents.store import StoredGrant
from app.db.tx import Tx
from app.people import key_bearing
from app.people.key_bearing import KeyStanding
from app.signatures import binding, envelope
from app.signatures.envelope import SignedStatement
from app.signatures.errors import StatementRefusedError
from gates.model import Consent
from gates.words import instant
from manifests.errors import ManifestError

REMEMBERED = 20_000


class StatementChecker:
    """Shared by all decisions. Verified signatures are remembered by digest: the bytes behind one never change."""

    def __init__(self, blobs: BlobStore, origins: Collection[str] = ()) -> None:
        self._blobs = blobs
        self._origins = tuple(origins)
        self._verified: LRUCache[str, SignedStatement] = LRUCache(REMEMBERED)
        self._lock = threading.Lock()

    def __call__(self, tx: Tx, tenant: str, grant: StoredGrant, consent: Consent, recorded_at: int) -> Consent:
        """The consent, with a ``difference`` or ``void`` where its signature or key does not carry it.

        ``recorded_at`` is the log's time: what a statement says about its own time proves nothing.
        """
        if consent.strength == "attested" or consent.void or consent.difference:
            return consent
        try:
            signed = self._read(tx, grant.statement)
        except (BlobError, ManifestError, StatementRefusedError) as error:
            return _differs(consent, f"The signed statement of grant {grant.id} does not verify: {error}")
        predicate = signed.consent.predicate
        found = binding.compare_consent(tenant, consent, predicate)
        if found is not None:
            return _differs(
                consent,
                f"Grant {grant.id} says {found.field} {found.expected}, but what was signed says {found.found}.",
            )
        digests = tuple(sorted({artifact.sha256 for artifact in signed.consent.artifacts}))
        if digests != consent.artifacts or grant.object != f"statement:{predicate.nonce}":
            return _differs(consent, f"Grant {grant.id} names other artifacts or another statement than was signed.")
        if consent.strength == "passkey" and not signed.signature.user_verified:
            return _differs(consent, f"Grant {grant.id} counts as a passkey, but no user was verified.")
        return _by_key(consent, grant.id, key_bearing.standing(tx, tenant, predicate.key), recorded_at)

    def _read(self, tx: Tx, digest: str) -> SignedStatement:
        body = self._blobs.get(tx, digest)
        with self._lock:
            known = self._verified.get(digest)
        if known is None:
            known = envelope.read(body, self._origins)
            with self._lock:
                self._verified[digest] = known
        return known


def _by_key(consent: Consent, grant_id: str, key: KeyStanding | None, recorded_at: int) -> Consent:
    if key is not None and key.difference:
        return _differs(consent, f"The key of grant {grant_id} cannot be relied on: {key.difference}.")
    if key is None or not key.enrolled_at:
        return _differs(consent, f"Grant {grant_id} was signed with a key that nobody enrolled.")
    if (key.person, key.account) != (consent.person, consent.account):
        return _differs(consent, f"The key of grant {grant_id} belongs to somebody else.")
    if recorded_at < key.usable_at:
        return _differs(consent, f"Grant {grant_id} was recorded before its key could be used.")
    if key.compromised_since is not None and recorded_at >= key.compromised_since:
        return msgspec.structs.replace(consent, void=void_reason(key))
    if key.superseded_at is not None and recorded_at >= key.superseded_at:
        return msgspec.structs.replace(consent, void="its key had been superseded")
    return consent


def void_reason(key: KeyStanding) -> str:
    since = f" since {instant(key.compromised_since)}" if key.compromised_since else ""
    return f"its key was compromised{since}"


def _differs(consent: Consent, difference: str) -> Consent:
    return msgspec.structs.replace(consent, difference=difference)
