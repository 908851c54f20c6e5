"""Signed documents that a manifest names: finding them, and whether their signature makes them count."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from gates.model import Result, SignedDocument, Snapshot
from gates.terms import EffectiveRule
from gates.words import listing, short
from manifests.release import Artifact


def at_path(documents: Iterable[SignedDocument], reference: str, manifest_path: str) -> list[SignedDocument]:
    """The documents at a path that the manifest names, written as there or from the repository's root."""
    found = list(documents)
    if all(document.path == reference for document in found):
        return found
    full = posixpath.normpath(posixpath.join(posixpath.dirname(manifest_path), reference))
    return [document for document in found if document.path in (reference, full)]


def named_documents(snapshot: Snapshot) -> list[tuple[str, list[SignedDocument]]]:
    """Every path of lineage and evidence in the manifest, with what was found there."""
    release = snapshot.release
    if release.manifest is None:
        return []
    lineage = [snapshot.lineage] if snapshot.lineage else []
    found = [
        (item.path, at_path(snapshot.evidence, item.path, release.manifest_path)) for item in release.manifest.evidence
    ]
    if release.manifest.lineage is not None:
        path = release.manifest.lineage
        found.append((path, at_path(lineage, path, release.manifest_path)))
    return found


def untrusted(document: SignedDocument, type: str, rule: EffectiveRule, snapshot: Snapshot) -> Result | None:
    """Why the document does not count, or None when a trusted outsider verifiably signed it.

    Keys are told by fingerprint only, so a document on which any contributor's key is found is refused,
    whoever else signed it (THREATS 2 and 8).
    """
    if document.problem:
        return Result(
            document.path,
            "fail",
            f"{document.path} cannot be used: {document.problem}.",
            "Commit a readable, signed document there.",
        )
    used = [signer for signer in rule.signers(type) if signer.key in document.signers]
    if not used:
        return Result(
            document.path,
            "fail",
            f"{document.path} is not signed by a key that the policy trusts for {type}.",
            f"Have it signed by one of: {_trusted(type, rule)}.",
        )
    if any(signer.person for signer in used) and not document.signer_people:
        who = listing(sorted({signer.who for signer in used if signer.person}))
        return Result(
            document.path,
            "fail",
            f"{document.path} is signed by {who}, but it is not known which person that is.",
            "Link the account that the policy names for this key to its person, then evaluate again.",
        )
    makers = {c.person for c in snapshot.contributors.known if c.role != "evidence"}
    if any(person in makers for person in document.signer_people):
        return Result(
            document.path,
            "fail",
            f"{document.path} is signed by somebody who had a hand in this release.",
            "Have it made and signed by a service or person that did not take part in the release.",
        )
    return None


def uncovered(document: SignedDocument, artifacts: Iterable[Artifact]) -> list[Artifact]:
    """The artifacts whose digest the document does not name as a subject."""
    subjects = {subject.sha256 for subject in document.subjects}
    return [artifact for artifact in artifacts if not artifact.sha256 or artifact.sha256 not in subjects]


def naming(artifacts: Iterable[Artifact]) -> str:
    return listing(f"{artifact.name} ({short(artifact.sha256)})" for artifact in artifacts)


def _trusted(type: str, rule: EffectiveRule) -> str:
    signers = listing([signer.who for signer in rule.signers(type)], join="or")
    return signers or f"nobody yet; add a key under trust: {type}: in the policy"
