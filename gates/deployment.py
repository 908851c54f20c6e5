"""The deployment gate: what the pipeline is about to put live is what was approved (THREATS 4 and 5)."""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.model import DeploymentFacts, Result
from gates.words import listing, short
from manifests.release import Artifact

_DEPLOY_APPROVED = "Deploy the commit and the artifacts that were approved, or propose these as a release."


def deployment(case: Case) -> Finding:
    """The commit is reachable from the base, holds the approved revision, and its subjects are exactly ours."""
    facts = case.snapshot.deployment
    if facts is None:
        return Finding(
            Result(
                "deployment",
                "wait",
                "No pipeline has yet said which commit and artifacts it wants to put live.",
                "Let the pipeline ask with countersign gate check.",
            )
        )
    good = f"Commit {short(facts.commit)} holds the approved release and exactly its artifacts."
    return Finding(judged("deployment", good, (*_commit(facts, case), *_subjects(facts, case))))


def _commit(facts: DeploymentFacts, case: Case) -> list[Result]:
    if facts.problem or not facts.commit:
        why = facts.problem or "no commit was named"
        return [
            Result(
                "commit",
                "error",
                f"What is to be put live cannot be told: {why}.",
                "Name a commit that Countersign can read, then ask again.",
            )
        ]
    found = []
    if not facts.reachable:
        base = case.snapshot.pull.base_ref
        found.append(
            Result(
                "commit",
                "fail",
                f"Commit {short(facts.commit)} is not part of {base}.",
                f"Deploy a commit of {base} that holds the merged release.",
            )
        )
    approved = case.snapshot.release.revision
    if facts.revision != approved or not approved:
        found.append(
            Result(
                "revision",
                "fail",
                f"Commit {short(facts.commit)} holds revision {short(facts.revision)}, and "
                f"{short(approved)} is the one of this release.",
                _DEPLOY_APPROVED,
            )
        )
    return found


def _subjects(facts: DeploymentFacts, case: Case) -> list[Result]:
    if not facts.subjects:
        return [
            Result(
                "subjects",
                "fail",
                "The pipeline names no artifact.",
                "Name every artifact that goes live with its SHA-256.",
            )
        ]
    named = {(subject.name, subject.sha256) for subject in facts.subjects}
    ours = {_key(artifact) for artifact in case.artifacts()}
    if named == ours and all(digest for _, digest in named) and len(named) == len(facts.subjects):
        return []
    said = {True: "wants to put live", False: "does not name"}
    parts = [
        f"{said[extra]} {listing(f'{name} ({short(digest)})' for name, digest in sorted(difference))}"
        for extra, difference in ((True, named - ours), (False, ours - named))
        if difference
    ] or ["names an artifact twice or without digest"]
    return [
        Result(
            "subjects",
            "fail",
            f"The pipeline's artifacts are not those of the manifest: it {listing(parts)}.",
            _DEPLOY_APPROVED,
        )
    ]


def _key(artifact: Artifact) -> tuple[str, str]:
    return artifact.name, artifact.sha256
