"""The lineage gate: a trusted outsider signed what the artifacts were made from."""

from __future__ import annotations

import re

from gates.case import Case, Finding, judged
from gates.documents import at_path, naming, uncovered, untrusted
from gates.model import Result, SignedDocument
from gates.terms import NoRule
from gates.words import listing
from manifests.release import Release

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_RECORD = "Have the training system write it and sign it with a key that the policy trusts."


def lineage(case: Case) -> Finding:
    """The document that the manifest names is signed by a trusted key and covers every artifact."""
    manifest, document = case.snapshot.release.manifest, case.snapshot.lineage
    if manifest is None or isinstance(case.rule, NoRule):
        return _fail("There is no readable manifest or rule to judge lineage by.", "Correct these first.")
    if manifest.lineage is None:
        return _fail("The manifest names no lineage document.", f"Add lineage: to the manifest. {_RECORD}")
    if document is None or not at_path((document,), manifest.lineage, case.snapshot.release.manifest_path):
        return _fail(f"The lineage document {manifest.lineage} is missing.", _RECORD)
    results = [untrusted(document, "lineage", case.rule, case.snapshot), _subjects(document, case)]
    results += _datasets(document, manifest)
    good = f"{document.path} is signed by a trusted key and names every artifact and what it was made from."
    return Finding(judged("lineage", good, [result for result in results if result is not None]))


def _subjects(document: SignedDocument, case: Case) -> Result | None:
    artifacts = case.artifacts()
    missing = uncovered(document, artifacts)
    if artifacts and not missing:
        return None
    what = naming(missing) or "any artifact of this environment"
    return Result("subjects", "fail", f"The lineage document does not name {what}.", _RECORD)


def _datasets(document: SignedDocument, manifest: Release) -> list[Result | None]:
    unnamed = sorted(data.name for data in document.datasets if not _SHA256.match(data.sha256))
    if unnamed:
        return [
            Result(
                "datasets",
                "fail",
                f"The lineage document gives no SHA-256 for {listing(unnamed)}.",
                "Record the fingerprint of every dataset.",
            )
        ]
    if manifest.kind == "model" and not document.datasets:
        return [
            Result(
                "datasets",
                "fail",
                "The lineage document names no dataset that the model was trained on.",
                "Record at least one dataset with its SHA-256.",
            )
        ]
    return []


def _fail(summary: str, remedy: str) -> Finding:
    return Finding(Result("lineage", "fail", summary, remedy))
