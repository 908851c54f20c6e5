"""Lineage and evidence as facts: what the document says and whose keys verifiably signed it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from gates.model import Field, FoundIssue, NamedDigest, SignedDocument
from manifests import dsse, lineage, reports
from manifests.canonical import sha256_hex
from manifests.errors import ManifestError
from manifests.keys import PublicKey
from manifests.policy import Policy, TenantPolicy, TrustedSigner
from manifests.report_values import values_at

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


def compared_fields(tenant: TenantPolicy, policy: Policy | None) -> tuple[tuple[str, str], ...]:
    """The type of evidence and the path of every value that some rule of any layer compares, sorted."""
    rules = (*tenant.rules, *(policy.rules if policy else ()))
    asked = {(of.type, one.field) for rule in rules for of in rule.requirements for one in of.comparisons}
    return tuple(sorted(asked))


def read_document(
    data: bytes | None, path: str, type: str, keys: Iterable[PublicKey], fault: str = "",
    compared: Sequence[tuple[str, str]] = (),
) -> ReadDocument:  # fmt: skip
    """Never raises: an absent or unreadable document is a fact with a ``problem``. Of a report the values that are
    ``compared`` (see ``compared_fields``) are told."""
    if data is None:
        return ReadDocument(SignedDocument(path, type, problem=fault or f"There is no file {path} at this commit."))
    try:
        envelope = dsse.parse(data)
        signers = tuple(sorted(dsse.verified_signers(envelope, keys)))
        if type == LINEAGE:
            return _lineage(envelope.payload, path, data, signers)
        fields = [field for of, field in compared if of == type]
        return _evidence(envelope.payload, path, type, data, signers, fields)
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


def _evidence(
    payload: bytes, path: str, type: str, data: bytes, signers: tuple[str, ...], fields: Sequence[str]
) -> ReadDocument:
    report = reports.read(payload, type)
    findings = report.findings
    facts = SignedDocument(
        path,
        type,
        digest=sha256_hex(data),
        signers=signers,
        subjects=tuple(NamedDigest(file.name, file.sha256) for file in report.subjects),
        predicate_type=report.predicate_type,
        result=report.result,
        fields=tuple(Field(value.path, value.kind, value.text) for value in values_at(payload, fields)),
        findings=None if findings is None else tuple(FoundIssue(one.id, one.severity, one.about) for one in findings),
    )
    return ReadDocument(facts, report.named_people)
