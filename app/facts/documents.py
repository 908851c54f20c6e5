"""Lineage and evidence as facts: what the document says and whose keys verifiably signed it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gates.model import NamedDigest, SignedDocument
from manifests import dsse, lineage, test_results
from manifests.attestation import parse as parse_statement
from manifests.canonical import sha256_hex
from manifests.errors import ManifestError
from manifests.keys import PublicKey
from manifests.policy import Policy, TenantPolicy, TrustedSigner

LINEAGE = "lineage"


class ReadDocument(msgspec.Struct, frozen=True):
    """A document as a fact, with the GitHub logins it names and who triggered the build, if it says so."""

    facts: SignedDocument
    named_people: tuple[str, ...] = ()
    invoked_by: str | None = None


def trusted_keys(tenant: TenantPolicy, policy: Policy | None) -> tuple[TrustedSigner, ...]:
    """Every signer any layer names; the gates decide who counts for what."""
    layers = (tenant.trust, policy.trust if policy else {})
    return tuple(signer for trust in layers for signers in trust.values() for signer in signers)


def read_document(data: bytes | None, path: str, type: str, keys: Iterable[PublicKey], fault: str = "") -> ReadDocument:
    """Never raises: an absent or unreadable document is a fact with a ``problem``."""
    if data is None:
        return ReadDocument(SignedDocument(path, type, problem=fault or f"There is no file {path} at this commit."))
    try:
        envelope = dsse.parse(data)
        signers = tuple(sorted(dsse.verified_signers(envelope, keys)))
        if type == LINEAGE:
            return _lineage(envelope.payload, path, data, signers)
        return _evidence(envelope.payload, path, type, data, signers)
    except ManifestError as error:
        problem = f"{path} cannot be read: {error}"
        return ReadDocument(SignedDocument(path, type, digest=sha256_hex(data), problem=problem))


def public_keys(signers: Iterable[TrustedSigner]) -> tuple[PublicKey, ...]:
    """The keys that policies carry in full; one that is not the key it is called is left out."""
    found = []
    for signer in signers:
        if signer.public_key is None:
            continue
        try:
            key = PublicKey.from_openssh(signer.public_key)
        except ManifestError:
            continue
        if key.fingerprint == signer.key:
            found.append(key)
    return tuple(found)


def _lineage(payload: bytes, path: str, data: bytes, signers: tuple[str, ...]) -> ReadDocument:
    document = lineage.read(payload)
    facts = SignedDocument(
        path,
        LINEAGE,
        digest=sha256_hex(data),
        signers=signers,
        subjects=tuple(NamedDigest(file.name, file.sha256) for file in document.subjects),
        datasets=tuple(NamedDigest(item.name, item.sha256 or "") for item in document.datasets),
        predicate_type=lineage.PREDICATE_TYPE,
    )
    return ReadDocument(facts, document.named_people, document.invoked_by)


def _evidence(payload: bytes, path: str, type: str, data: bytes, signers: tuple[str, ...]) -> ReadDocument:
    statement = parse_statement(payload)
    facts = SignedDocument(
        path,
        type,
        digest=sha256_hex(data),
        signers=signers,
        subjects=tuple(NamedDigest(file.name, file.sha256) for file in statement.artifacts()),
        predicate_type=statement.predicate_type,
    )
    if statement.predicate_type != test_results.PREDICATE_TYPE:
        problem = f"{path} is of type {statement.predicate_type}; evidence is read as {test_results.PREDICATE_TYPE}."
        return ReadDocument(msgspec.structs.replace(facts, problem=problem))
    result = test_results.read(payload)
    return ReadDocument(msgspec.structs.replace(facts, result=result.result), result.named_people)
