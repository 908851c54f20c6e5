"""The artifacts gate: the bytes that the manifest names exist and have the digests and sizes it says."""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.documents import at_path, uncovered, untrusted
from gates.model import ArtifactFacts, Result
from gates.terms import EffectiveRule
from gates.words import count, short
from manifests.release import Artifact


def artifacts(case: Case) -> Finding:
    """Every artifact of the environment has to be found, unaltered; an environment without one fails."""
    wanted = case.artifacts()
    if not wanted:
        return Finding(
            Result(
                "artifacts",
                "fail",
                f"The manifest names no artifact for {case.snapshot.environment}.",
                "Name at least one artifact for this environment in the manifest.",
            )
        )
    facts: dict[str, list[ArtifactFacts]] = {}
    for fact in case.snapshot.artifacts:
        facts.setdefault(fact.name, []).append(fact)
    results = [result for artifact in wanted for result in _check(artifact, facts.get(artifact.name), case)]
    good = f"{count(len(wanted), 'artifact was', 'artifacts were')} found with the digests of the manifest."
    return Finding(judged("artifacts", good, results))


def _check(artifact: Artifact, facts: list[ArtifactFacts] | None, case: Case) -> list[Result]:
    if not facts:
        return [
            Result(
                artifact.name,
                "wait",
                f"Nobody has looked yet whether the artifact {artifact.name} is where the manifest says.",
                "Wait for the next evaluation, or ask for one with /recheck.",
            )
        ]
    ordered = sorted(facts, key=lambda fact: (fact.status, fact.where, fact.found, fact.detail, repr(fact)))
    return [result for fact in ordered if (result := _one(artifact, fact, case)) is not None]


def _one(artifact: Artifact, fact: ArtifactFacts, case: Case) -> Result | None:
    name, detail = artifact.name, f" ({fact.detail.rstrip('.')})" if fact.detail else ""
    if fact.status == "unreadable":
        return Result(
            name,
            "error",
            f"The artifact {name} could not be read{detail}.",
            "Make its place readable for Countersign, then evaluate again.",
        )
    if fact.status == "absent":
        return Result(
            name,
            "fail",
            f"The artifact {name} is not where the manifest says{detail}.",
            "Upload it there, or correct its path or uri in the manifest.",
        )
    if fact.status == "mismatch" or (fact.found and fact.found != artifact.sha256):
        return _different(artifact, fact, detail)
    if fact.status == "present" and fact.where == "manifest":
        return _vouched(artifact, case)
    if fact.status != "present" or not fact.where or not fact.found or not artifact.sha256:
        return Result(
            name,
            "error",
            f"The artifact {name} is there, but its SHA-256 was not computed{detail}.",
            "Evaluate again; if this stays, let an administrator run countersign doctor.",
        )
    if artifact.size is not None and fact.size != artifact.size:
        found = "unknown" if fact.size is None else f"{fact.size} bytes"
        return Result(
            name,
            "fail",
            f"The manifest says that {name} has {artifact.size} bytes; its size is {found}.",
            "Correct the size in the manifest, or leave it out: the SHA-256 is what counts.",
        )
    return None


def _different(artifact: Artifact, fact: ArtifactFacts, detail: str) -> Result:
    # The digest that was found is told once.
    detail = "" if fact.found and fact.found in fact.detail else detail
    return Result(
        artifact.name,
        "fail",
        f"The manifest names {artifact.name} with SHA-256 {short(artifact.sha256)}…, and what was found has "
        f"{short(fact.found)}…{detail}.",
        "Upload the right file, or release the file that is there under its own digest.",
    )


def _vouched(artifact: Artifact, case: Case) -> Result | None:
    """Bytes that nobody can fetch count when a trusted lineage document names them."""
    manifest, document = case.snapshot.release.manifest, case.snapshot.lineage
    path = case.snapshot.release.manifest_path
    if (
        manifest is not None
        and manifest.lineage is not None
        and document is not None
        and at_path((document,), manifest.lineage, path)
        and isinstance(case.rule, EffectiveRule)
        and untrusted(document, "lineage", case.rule, case.snapshot) is None
        and not uncovered(document, (artifact,))
    ):
        return None
    return Result(
        artifact.name,
        "fail",
        f"The bytes of {artifact.name} cannot be fetched, and no trusted lineage document names them.",
        "Give the artifact a path or uri, or name it in a lineage document signed by a trusted key.",
    )
