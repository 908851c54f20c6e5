"""What a statement binds, compared with what it ought to bind: field by field, nothing left out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.pulls.signing import terms_of
from gates.model import Consent
from manifests.attestation import FileDigest
from manifests.canonical import sha256_hex
from manifests.statement import ConsentPredicate


class Difference(msgspec.Struct, frozen=True):
    """The first field in which two differ, with both values as text."""

    field: str
    expected: str
    found: str


def compare(expected: ConsentPredicate, found: ConsentPredicate) -> Difference | None:
    """The first difference in the order in which the fields are declared."""
    for field in msgspec.structs.fields(ConsentPredicate):
        wanted, given = getattr(expected, field.name), getattr(found, field.name)
        if wanted != given:
            return Difference(field.name, _shown(wanted), _shown(given))
    return None


def compare_artifacts(expected: Sequence[FileDigest], found: Sequence[FileDigest]) -> Difference | None:
    if tuple(expected) == tuple(found):
        return None
    return Difference("artifacts", *(_shown([f"{a.name} {a.sha256}" for a in files]) for files in (expected, found)))


def compare_consent(tenant: str, consent: Consent, found: ConsentPredicate) -> Difference | None:
    """Whether a stored consent says what its statement says, in everything that a consent holds."""
    expected = msgspec.structs.replace(
        found, tenant=tenant, repository_id=consent.repository_id, pull_number=consent.pull_number,
        base_ref=consent.base_ref, head_commit=consent.head_sha, manifest_path=consent.manifest_path,
        revision=consent.revision, effective_rule=consent.effective_rule, decision=consent.decision,
        environments=consent.environments, groups=consent.groups, person=consent.person, account=consent.account,
        way=consent.way, issued_at=consent.issued_at, not_after=consent.not_after,
        reason_digest=sha256_hex(consent.reason.encode()) if consent.reason else None, **terms_of(consent),
    )  # fmt: skip
    return compare(expected, found)


def _shown(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value)
