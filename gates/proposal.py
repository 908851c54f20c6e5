"""The release gate: a readable release, proposed where it can be allowed, under policies that can be read."""

from __future__ import annotations

import re

from gates.case import Case, Finding, judged
from gates.freshness import TOLERANCE
from gates.model import PullFacts, Result, Snapshot
from gates.rule import is_policy
from gates.words import SECOND, instant, short
from manifests.errors import Problem
from manifests.policy import TenantPolicy

_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_CORRECT = "Correct the manifest and push it again."
_AGAIN = "Evaluate the release again; if this stays, let an administrator run countersign doctor."


def release(case: Case) -> Finding:
    """Whether the proposal itself may be judged at all."""
    snapshot, pull = case.snapshot, case.snapshot.pull
    troubles = [
        *_manifest(snapshot),
        *_pull(snapshot),
        *_base(case),
        *_identity(snapshot),
        *_policies(case),
    ]
    merged = " It is merged already." if pull.state == "merged" and snapshot.question == "merge" else ""
    place = f"{pull.repository}#{pull.number} at {short(pull.head_sha)}"
    return Finding(judged("release", f"{place} proposes a readable release.{merged}", troubles))


def no_release(case: Case) -> Finding:
    """The denial of a question that no release is found for: why not, and nothing else."""
    troubles = _manifest(case.snapshot)
    unnamed = Result("manifest", "error", "It is not known which release is meant.", _AGAIN)
    return Finding(judged("release", "There is no such release.", troubles or [unnamed]))


def allowed_base(tenant: TenantPolicy, pull: PullFacts) -> bool:
    """Whether the tenant policy lists the base ref for this repository.

    Refs are compared letter by letter; GitHub takes repository names in any letter case.
    """
    repository = pull.repository.casefold()
    owner = repository.partition("/")[0]
    return bool(pull.base_ref) and any(
        entry.repository.casefold() in (repository, f"{owner}/*") and pull.base_ref in entry.refs
        for entry in tenant.base_refs
    )


def _manifest(snapshot: Snapshot) -> list[Result]:
    facts = snapshot.release
    found = [
        Result(problem.code or "manifest", "fail", _said(problem), problem.remedy or _CORRECT)
        for problem in sorted(facts.problems, key=_place)
    ]
    if facts.manifest is None:
        if not found:
            found.append(Result("manifest", "error", "The release manifest could not be read.", _AGAIN))
    elif snapshot.environment not in facts.manifest.environments or not snapshot.environment:
        found.append(
            Result(
                "environment",
                "fail",
                f"The manifest does not name the environment {snapshot.environment or '(none)'}.",
                "Add it under environments in the manifest, or ask about an environment that is named there.",
            )
        )
    if facts.superseded:
        found.append(
            Result(
                "superseded",
                "fail",
                f"This release is superseded: {facts.superseded}.",
                "Continue with the newer release; bringing this one back needs a new proposal and consent.",
            )
        )
    return found


def _place(problem: Problem) -> tuple[str, int, int, str, str]:
    return problem.path, problem.line, problem.column, problem.code, problem.message


def _said(problem: Problem) -> str:
    line = f":{problem.line}:{problem.column}" if problem.line else ""
    place = f"{problem.path}{line}: " if problem.path else ""
    return f"{place}{problem.message or 'The manifest has a mistake.'}"


def _pull(snapshot: Snapshot) -> list[Result]:
    pull = snapshot.pull
    if pull.problem:
        return [Result("pull request", "error", f"The pull request cannot be read: {pull.problem}.", _AGAIN)]
    if pull.state == "merged" or (pull.state == "open" and snapshot.question == "merge" and not pull.draft):
        return []
    if pull.state == "open" and snapshot.question == "merge":
        draft = "The pull request is still a draft."
        return [Result("pull request", "wait", draft, "Mark it as ready for review.")]
    if pull.state == "open":
        return [Result("pull request", "fail", "The pull request is not merged yet.", "Merge it, then deploy.")]
    closed = "The pull request was closed without being merged."
    again = "Reopen it, or propose the release anew; it then needs fresh consent."
    return [Result("pull request", "fail", closed, again)]


def _base(case: Case) -> list[Result]:
    tenant, pull = case.policies.tenant, case.snapshot.pull
    if tenant is None or allowed_base(tenant, pull):
        return []
    return [
        Result(
            "base ref",
            "fail",
            f"The tenant policy lists no branch {pull.base_ref or '(none)'} of {pull.repository} for releases.",
            "Retarget the pull request to a listed branch, or let an administrator list this one.",
        )
    ]


def _identity(snapshot: Snapshot) -> list[Result]:
    pull, facts = snapshot.pull, snapshot.release
    found = []
    if snapshot.question not in ("merge", "deploy"):
        found.append(Result("question", "error", "It is not known what was asked.", _AGAIN))
    if not _COMMIT.match(pull.head_sha) or pull.repository_id <= 0 or pull.number <= 0:
        found.append(Result("head", "error", "It is not known which commit is the head.", _AGAIN))
    if not _SHA256.match(facts.revision) or not facts.manifest_path:
        found.append(Result("revision", "error", "The revision of the release is not known.", _AGAIN))
    if facts.proposed_at > snapshot.at + TOLERANCE * SECOND:
        found.append(
            Result(
                "proposed",
                "error",
                f"The release is dated {instant(facts.proposed_at)}, which is still to come.",
                "Check the clocks of Countersign and of GitHub.",
            )
        )
    return found


def _policies(case: Case) -> list[Result]:
    found = []
    if case.policies.tenant is None:
        found.append(
            Result(
                "tenant policy",
                "fail",
                "There is no tenant policy.",
                "Let an administrator of Countersign install it.",
            )
        )
    if is_policy(case.snapshot.release):
        # It is judged by the tenant's rules where nothing on the base branch counts.
        return found
    if case.policies.problem:
        found.append(
            Result(
                "policy",
                "error",
                f"The policy on the base branch cannot be read: {case.policies.problem}.",
                "Correct .github/countersign.yaml on the base branch through a reviewed pull request.",
            )
        )
    elif case.policies.repository is None:
        found.append(
            Result(
                "policy",
                "fail",
                "The repository has no policy on the base branch.",
                "Add .github/countersign.yaml to the base branch through a reviewed pull request.",
            )
        )
    return found
