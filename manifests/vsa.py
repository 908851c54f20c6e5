"""Verification summaries (SLSA VSA v1, spec/verification_summary.md): the gate's signed answer.

The shape is the one ``slsa-verifier verify-vsa`` reads. Our own facts stand under URI names, as the
specification asks of extensions. Level names never begin with ``SLSA_``: verifiers would take them for levels
of SLSA.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from manifests import attestation, canonical, strict_json
from manifests.attestation import STATEMENT_TYPE, FileDigest, Sha256Hex, subject_of
from manifests.errors import ManifestError
from manifests.refusal import refusal
from manifests.times import from_rfc3339, to_rfc3339

PREDICATE_TYPE: Final = "https://slsa.dev/verification_summary/v1"
EXTENSION: Final = "https://countersign.dev/vsa/"

VerificationResult = Literal["PASSED", "FAILED"]


class Reference(msgspec.Struct, frozen=True, order=True):
    """A document that was relied on: where it is and its SHA-256."""

    uri: str
    sha256: Sha256Hex


class Vsa(msgspec.Struct, frozen=True, kw_only=True):
    """``subjects`` is never empty; instants are microseconds since 1970 UTC. ``change`` is the number of the
    change request, empty when the rule asks for none. ``levels`` is empty when ``result`` is FAILED."""

    verifier_id: str
    resource_uri: str
    policy: Reference
    subjects: tuple[FileDigest, ...]
    time_verified: int
    expires_at: int
    environment: str
    decision_id: str
    change: str = ""
    result: VerificationResult = "PASSED"
    levels: tuple[str, ...] = ()
    input_attestations: tuple[Reference, ...] = ()


class _WireReference(msgspec.Struct, frozen=True):
    digest: dict[str, str]
    uri: str


class _Verifier(msgspec.Struct, frozen=True):
    id: str


class _Predicate(msgspec.Struct, frozen=True, rename="camel"):
    verifier: _Verifier
    time_verified: str
    resource_uri: str
    policy: _WireReference
    verification_result: VerificationResult
    verified_levels: tuple[str, ...]
    change: str = msgspec.field(name=f"{EXTENSION}change")
    decision: str = msgspec.field(name=f"{EXTENSION}decision")
    environment: str = msgspec.field(name=f"{EXTENSION}environment")
    expires_at: str = msgspec.field(name=f"{EXTENSION}expiresAt")
    input_attestations: tuple[_WireReference, ...] = ()


def build_vsa(vsa: Vsa) -> bytes:
    """Canonical payload bytes; ``parse_vsa`` gives them back. Sign as DSSE, type ``dsse.IN_TOTO``, P-256."""
    _expect_sound(vsa)
    predicate = _Predicate(
        verifier=_Verifier(vsa.verifier_id),
        time_verified=to_rfc3339(vsa.time_verified),
        resource_uri=vsa.resource_uri,
        policy=_wire(vsa.policy),
        verification_result=vsa.result,
        verified_levels=vsa.levels,
        change=vsa.change,
        decision=vsa.decision_id,
        environment=vsa.environment,
        expires_at=to_rfc3339(vsa.expires_at),
        input_attestations=tuple(map(_wire, vsa.input_attestations)),
    )
    return canonical.encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [subject_of(item) for item in vsa.subjects],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


def parse_vsa(payload: bytes) -> Vsa:
    """The summary in ``payload``. Raises ManifestError if it is not one of ours."""
    statement = attestation.parse(payload)
    attestation.expect_type(statement, PREDICATE_TYPE)
    wire = strict_json.convert(statement.predicate, _Predicate, "verification summary")
    vsa = Vsa(
        verifier_id=wire.verifier.id,
        resource_uri=wire.resource_uri,
        policy=_reference(wire.policy),
        subjects=statement.artifacts(),
        time_verified=from_rfc3339(wire.time_verified),
        expires_at=from_rfc3339(wire.expires_at),
        environment=wire.environment,
        decision_id=wire.decision,
        change=wire.change,
        result=wire.verification_result,
        levels=wire.verified_levels,
        input_attestations=tuple(map(_reference, wire.input_attestations)),
    )
    _expect_sound(vsa)
    return vsa


def _wire(reference: Reference) -> _WireReference:
    return _WireReference({"sha256": reference.sha256}, reference.uri)


def _reference(wire: _WireReference) -> Reference:
    return Reference(wire.uri, wire.digest.get("sha256", ""))


def _expect_sound(vsa: Vsa) -> None:
    if not vsa.subjects:
        raise _unsound("at least one subject", "none")
    if claimed := [level for level in vsa.levels if level.startswith("SLSA_")]:
        raise _unsound("own level names only", repr(claimed))
    if vsa.result == "FAILED" and vsa.levels:
        raise _unsound("no levels with FAILED", repr(vsa.levels))
    for item in (vsa.policy, *vsa.input_attestations):
        strict_json.convert(msgspec.to_builtins(item), Reference, "reference")
    for subject in vsa.subjects:
        strict_json.convert(msgspec.to_builtins(subject), FileDigest, "subject")
    if not vsa.environment or not vsa.decision_id:
        raise _unsound("an environment and a decision", repr((vsa.environment, vsa.decision_id)))
    if vsa.expires_at <= vsa.time_verified:
        raise _unsound("an expiry after the time of verification", to_rfc3339(vsa.expires_at))


def _unsound(expected: str, found: str) -> ManifestError:
    return refusal("vsa.unsound", f"expected {expected}, found {found}.", "Ask the gate for a new decision.")
