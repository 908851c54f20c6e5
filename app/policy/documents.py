"""The signed documents of a snapshot: lineage and evidence."""

from __future__ import annotations

import hashlib

from app.policy.model import DEFAULT_AT, STRANGER, DocumentSaid, Facts, Word
from app.policy.people import People
from app.policy.reports import asks_lineage, fields_of, types_of
from gates.model import NamedDigest, Policies, ReleaseFacts, SignedDocument
from gates.terms import EffectiveRule
from manifests.policy import TrustedSigner
from manifests.release import EvidenceReference

LINEAGE = "lineage.dsse.json"


def signers_of(policies: Policies, type: str) -> tuple[TrustedSigner, ...]:
    """Whoever either layer trusts for documents of this type."""
    layers = (policies.tenant, policies.repository)
    return tuple(signer for layer in layers if layer is not None for signer in layer.trust.get(type, ()))


def references(facts: Facts, rule: EffectiveRule | None) -> tuple[str | None, tuple[EvidenceReference, ...]]:
    """What the manifest names."""
    lineage, evidence = _said(facts, rule)
    return (LINEAGE if lineage else None), tuple(
        EvidenceReference(said.type.text, _path(number)) for number, said in enumerate(evidence, 1)
    )


def documents_of(
    facts: Facts, policies: Policies, people: People, rule: EffectiveRule | None, release: ReleaseFacts
) -> tuple[SignedDocument | None, tuple[SignedDocument, ...]]:
    """What is found there."""
    lineage, evidence = _said(facts, rule)
    maker = _Maker(policies, people, rule, release, DEFAULT_AT if facts.at is None else facts.at)
    return (maker.document(lineage, LINEAGE) if lineage else None), tuple(
        maker.document(said, _path(number)) for number, said in enumerate(evidence, 1)
    )


def _path(number: int) -> str:
    return f"evidence-{number}.dsse.json"


def _said(facts: Facts, rule: EffectiveRule | None) -> tuple[DocumentSaid | None, tuple[DocumentSaid, ...]]:
    """What the case says, else what the rule asks for."""
    lineage, evidence = facts.lineage, facts.evidence
    if lineage is None and asks_lineage(rule):
        lineage = DocumentSaid()
    if evidence is None:
        evidence = tuple(DocumentSaid(Word(type)) for type in types_of(rule))
    return (lineage if lineage and lineage.present else None), evidence


class _Maker:
    """Makes documents that are about the release's artifacts."""

    def __init__(
        self, policies: Policies, people: People, rule: EffectiveRule | None, release: ReleaseFacts, at: int
    ) -> None:
        self._policies, self._people, self._rule, self._release, self._at = policies, people, rule, release, at

    def document(self, said: DocumentSaid, path: str) -> SignedDocument:
        type = said.type.text
        if not said.readable:
            return SignedDocument(path, type, problem="it cannot be read")
        signers = self._signers(said)
        manifest = self._release.manifest
        artifacts = manifest.artifacts if manifest and said.covers else ()
        datasets = type == "lineage" and said.datasets
        return SignedDocument(
            path=path,
            type=type,
            digest=_sha256(path),
            signers=tuple(signer.key for signer in signers),
            subjects=tuple(NamedDigest(artifact.name, artifact.sha256) for artifact in artifacts),
            datasets=(NamedDigest("dataset", _sha256("dataset")),) if datasets else (),
            result="" if type == "lineage" else said.result,
            signer_people=tuple(sorted({self._people.person(one.person) for one in signers if one.person})),
            fields=() if type == "lineage" else fields_of(said, self._rule, self._at),
            findings=None if type == "lineage" else said.findings,
        )

    def _signers(self, said: DocumentSaid) -> tuple[TrustedSigner, ...]:
        if said.signed_by is None:
            trusted = self._rule.signers(said.type.text) if self._rule else ()
            # A service, if there is one: a person who signs is one who cannot approve.
            return tuple(sorted(trusted, key=lambda signer: signer.person is not None)[:1])
        names = {word.text for word in said.signed_by}
        known = [one for type in _types(self._policies) for one in signers_of(self._policies, type)]
        stranger = (TrustedSigner("SHA256:nobody trusts this key", STRANGER),) if STRANGER in names else ()
        return (*{one.key: one for one in known if names & {one.who, one.key}}.values(), *stranger)


def _types(policies: Policies) -> list[str]:
    layers = (policies.tenant, policies.repository)
    return sorted({type for layer in layers if layer is not None for type in layer.trust})


def known_types(policies: Policies) -> set[str]:
    """`lineage` and every type of evidence that a policy trusts somebody for or asks for."""
    rules = [rule for layer in (policies.tenant, policies.repository) if layer is not None for rule in layer.rules]
    asked = {type for rule in rules for type in (*rule.evidence, *(rule.findings.types if rule.findings else ()))}
    asked |= {type for rule in rules for seat in rule.seats for type in seat.shown}
    return {"lineage", *_types(policies), *asked}


def signer_names(policies: Policies) -> dict[str, str]:
    """Key → whose it is, of every trusted signer."""
    return {one.key: one.who for type in _types(policies) for one in signers_of(policies, type)}


def all_signers(policies: Policies) -> set[str]:
    """Every name and key that `signed_by` may have."""
    known = [one for type in _types(policies) for one in signers_of(policies, type)]
    return {word for one in known for word in (one.who, one.key)} | {STRANGER}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
