"""The evidence gate: for each type the rule asks for, a trusted report on these very artifacts that passed."""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.documents import at_path, naming, uncovered, untrusted
from gates.model import Result, SignedDocument
from gates.terms import EffectiveRule, NoRule
from gates.words import listing


def evidence(case: Case) -> Finding:
    """Only documents that the manifest names count, because those are part of what people approve."""
    if isinstance(case.rule, NoRule) or not case.rule.evidence:
        return Finding(
            Result(
                "evidence",
                "fail",
                "No rule says which evidence this release needs.",
                "List the types of evidence in the rule of the policy that lists this gate.",
            )
        )
    results = [result for type in case.rule.evidence for result in _type(type, case.rule, case)]
    good = f"Trusted evidence of a passed {listing(case.rule.evidence)} covers every artifact."
    return Finding(judged("evidence", good, results))


def _type(type: str, rule: EffectiveRule, case: Case) -> list[Result]:
    release = case.snapshot.release
    references = [item for item in release.manifest.evidence if item.type == type] if release.manifest else []
    if not references:
        return [
            Result(
                type,
                "fail",
                f"The manifest names no evidence of the type {type}.",
                f"Add the signed report under evidence in the manifest, with type: {type}.",
            )
        ]
    documents: list[SignedDocument] = []
    results: list[Result] = []
    for reference in references:
        found = at_path(case.snapshot.evidence, reference.path, release.manifest_path)
        found = [document for document in found if document.type == type]
        documents += found
        if not found:
            results.append(
                Result(type, "fail", f"The evidence {reference.path} is missing.", "Commit it at that path.")
            )
    results += [trouble for document in documents for trouble in _document(document, type, rule, case)]
    if documents and not results:
        results += _coverage(documents, type, case)
    return results


def _document(document: SignedDocument, type: str, rule: EffectiveRule, case: Case) -> list[Result]:
    if (trouble := untrusted(document, type, rule, case.snapshot)) is not None:
        return [trouble]
    if document.result == "PASSED":
        return []
    said = f"says {document.result}" if document.result else "gives no result"
    return [
        Result(
            type,
            "fail",
            f"The report {document.path} {said}, and only PASSED counts.",
            "Mend what it found and let the report be made again.",
        )
    ]


def _coverage(documents: list[SignedDocument], type: str, case: Case) -> list[Result]:
    """One report has to be about all artifacts together: parts tested apart were not tested as one release."""
    artifacts = case.artifacts()
    gaps = [uncovered(document, artifacts) for document in documents]
    if artifacts and [] in gaps:
        return []
    fewest = min(gaps, key=lambda gap: (len(gap), naming(gap)))
    what = naming(fewest) or "any artifact of this environment"
    return [
        Result(
            type,
            "fail",
            f"No {type} report is about every artifact: missing is {what}.",
            "Let the report be made on exactly the artifacts of the manifest.",
        )
    ]
