"""Reports of one type: those that the manifest names, and whether they are about every artifact."""

from __future__ import annotations

from gates.case import Case
from gates.documents import at_path, naming, uncovered
from gates.model import Result, SignedDocument


def named(type: str, case: Case) -> tuple[list[SignedDocument], list[Result]]:
    """The documents of this type, and what is missing of them. Only those that the manifest names count, because
    those are part of what people approve."""
    release = case.snapshot.release
    references = [item for item in release.manifest.evidence if item.type == type] if release.manifest else []
    if not references:
        return [], [
            Result(
                type,
                "fail",
                f"The manifest names no evidence of the type {type}.",
                f"Add the signed report under evidence in the manifest, with type: {type}.",
            )
        ]
    documents: list[SignedDocument] = []
    missing: list[Result] = []
    for reference in references:
        found = at_path(case.snapshot.evidence, reference.path, release.manifest_path)
        found = [document for document in found if document.type == type]
        documents += found
        if not found:
            what = f"The evidence {reference.path} is missing."
            missing.append(Result(type, "fail", what, "Commit it at that path."))
    return documents, missing


def coverage(documents: list[SignedDocument], type: str, case: Case) -> list[Result]:
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
