"""Grants and their voids: a projection of the log, which each row must be borne out by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import bindparam, text

from app.db.tx import Tx
from gates.model import Consent
from manifests import canonical

_INSERT = text(
    "INSERT INTO grants (id, tenant, release_id, repository_id, number, path, decision, person, object, statement,"
    " consent_json, nonce, signer, issued_at) VALUES (:id, :tenant, :release_id, :repository_id, :number, :path,"
    " :decision, :person, :object, :statement, :consent_json, :nonce, :signer, :issued_at)"
)
_ARTIFACT = text("INSERT INTO grant_artifacts (sha256, grant_id) VALUES (:sha256, :grant_id)")
_VOID = text(
    "INSERT INTO grant_voids (grant_id, reason, cause, at) VALUES (:grant_id, :reason, :cause, :at)"
    " ON CONFLICT (grant_id) DO NOTHING"
)
_SELECT = (
    "SELECT g.id, g.release_id, g.object, g.statement, g.consent_json, v.reason, v.cause, g.nonce, g.signer"
    " FROM grants g LEFT JOIN grant_voids v ON v.grant_id = g.id "
)
_WITH_NONCE = text(_SELECT + "WHERE g.tenant = :tenant AND g.nonce = :nonce")
_SIGNED_WITH = text(_SELECT + "WHERE g.tenant = :tenant AND g.signer = :signer ORDER BY g.issued_at, g.id")
_OF_RELEASES = text(
    _SELECT + "WHERE g.tenant = :tenant AND g.release_id IN :releases ORDER BY g.issued_at, g.id"
).bindparams(bindparam("releases", expanding=True))
_BY_ID = text(
    _SELECT + "WHERE g.tenant = :tenant AND g.id IN :ids ORDER BY g.issued_at, g.id"
).bindparams(bindparam("ids", expanding=True))  # fmt: skip
_WITHHELD = text(
    _SELECT + "WHERE g.tenant = :tenant AND g.release_id <> :release_id AND g.decision IN ('reject', 'hold')"
    " AND g.id IN (SELECT grant_id FROM grant_artifacts WHERE sha256 IN :digests) ORDER BY g.issued_at, g.id"
).bindparams(bindparam("digests", expanding=True))

_DELEGATIONS = text(
    _SELECT + "WHERE g.tenant = :tenant AND g.repository_id = :repository_id AND g.decision = 'delegate'"
    " AND g.release_id <> :release_id AND v.grant_id IS NULL ORDER BY g.issued_at, g.id"
)
WITHHOLDING = ("reject", "hold")
"""Decisions that follow an artifact wherever it goes."""


class StoredGrant(msgspec.Struct, frozen=True):
    """A grant as its row tells it. ``consent_json`` are the canonical bytes that its record digests;
    ``object`` is what it was said in (``comment:<id>``, ``review:<id>``, ``statement:<nonce>``)."""

    id: str
    release_id: str
    object: str
    statement: str
    consent_json: str
    void_reason: str | None = None
    void_cause: str | None = None
    nonce: str = ""
    signer: str = ""

    @property
    def readable(self) -> bool:
        """False when somebody made the row unreadable; bearing then says so, and nothing else may trip over it."""
        try:
            return bool(self.consent)
        except msgspec.MsgspecError:
            return False

    @property
    def consent(self) -> Consent:
        """Raises msgspec.MsgspecError when somebody made the row unreadable."""
        read = msgspec.json.decode(self.consent_json, type=Consent)
        return msgspec.structs.replace(read, void=self.void_reason or "")


class NewGrant(msgspec.Struct, frozen=True):
    """A verified statement about to be recorded. ``envelope`` is its DSSE envelope; ``signer`` the fingerprint of
    the person's own key, empty where the server attests."""

    release_id: str
    consent: Consent
    object: str
    nonce: str
    envelope: bytes
    memberships: bytes = b""
    signer: str = ""


def words(consent: Consent) -> bytes:
    """The canonical bytes of a consent."""
    return canonical.encode(consent)


def insert(tx: Tx, tenant: str, grant: NewGrant, statement: str, words: bytes) -> None:
    """``statement`` is the digest of the signed statement, ``words`` what ``words`` makes of the consent."""
    consent = grant.consent
    tx.run(
        _INSERT, id=consent.id, tenant=tenant, release_id=grant.release_id, repository_id=consent.repository_id,
        number=consent.pull_number, path=consent.manifest_path, decision=consent.decision, person=consent.person,
        object=grant.object, statement=statement, consent_json=words.decode(), nonce=grant.nonce,
        signer=grant.signer, issued_at=consent.issued_at,
    )  # fmt: skip
    if consent.decision in WITHHOLDING:
        digests = sorted(set(consent.artifacts))
        tx.run_many(_ARTIFACT, [{"sha256": digest, "grant_id": consent.id} for digest in digests])


def void(tx: Tx, grant_id: str, reason: str, cause: str, at: int) -> bool:
    """False when it was void before."""
    return bool(tx.run(_VOID, grant_id=grant_id, reason=reason, cause=cause, at=at).rowcount)


def of_releases(tx: Tx, tenant: str, releases: Iterable[str]) -> tuple[StoredGrant, ...]:
    wanted = sorted(releases)
    return tuple(StoredGrant(*tuple(r)) for r in tx.all(_OF_RELEASES, tenant=tenant, releases=wanted)) if wanted else ()


def by_ids(tx: Tx, tenant: str, ids: Iterable[str]) -> tuple[StoredGrant, ...]:
    wanted = sorted(set(ids))
    return tuple(StoredGrant(*tuple(row)) for row in tx.all(_BY_ID, tenant=tenant, ids=wanted)) if wanted else ()


def with_nonce(tx: Tx, tenant: str, nonce: str) -> StoredGrant | None:
    row = tx.first(_WITH_NONCE, tenant=tenant, nonce=nonce)
    return None if row is None else StoredGrant(*tuple(row))


def signed_with(tx: Tx, tenant: str, signer: str) -> tuple[StoredGrant, ...]:
    """All grants that were signed with a person's key."""
    return tuple(StoredGrant(*tuple(row)) for row in tx.all(_SIGNED_WITH, tenant=tenant, signer=signer))


def withheld_elsewhere(tx: Tx, tenant: str, release_id: str, digests: Sequence[str]) -> tuple[StoredGrant, ...]:
    """Rejections and holds of other releases with any of these artifacts."""
    if not digests:
        return ()
    rows = tx.all(_WITHHELD, tenant=tenant, release_id=release_id, digests=sorted(set(digests)))
    return tuple(StoredGrant(*tuple(row)) for row in rows)


def delegations_elsewhere(tx: Tx, tenant: str, repository_id: int, release_id: str, at: int) -> tuple[StoredGrant, ...]:
    """What other releases' delegations for the whole repository there are that nobody took back and that have not
    ended ``at`` (microseconds since 1970 UTC), those with unreadable rows included."""
    rows = tx.all(_DELEGATIONS, tenant=tenant, repository_id=repository_id, release_id=release_id)
    found = (StoredGrant(*tuple(row)) for row in rows)
    return tuple(grant for grant in found if not grant.readable or _reaches(grant.consent, at))


def _reaches(consent: Consent, at: int) -> bool:
    delegation = consent.delegation
    return delegation is not None and delegation.scope == "repository" and consent.not_after > at
