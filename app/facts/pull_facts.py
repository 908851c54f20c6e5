"""What conditions of rules ask about a pull request: read out where some rule uses it, so that snapshots stay small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.facts.release_files import changed_paths
from app.pulls.store import ARRIVED, Head, Repository
from gates.model import Policies, PullFacts
from integrations.github.port import ChangedFile, Pull
from manifests.policy import Rule, When


def pull_facts(
    pull: Pull, repository: Repository, seen_at: int, policies: Policies, files: Sequence[ChangedFile]
) -> PullFacts:
    """Facts of a pull request that GitHub showed at ``seen_at``; ``files`` are all that it changes."""
    used = conditions(policies)
    return PullFacts(
        repository.id, repository.name, pull.number, "merged" if pull.merged else pull.state, pull.draft,
        pull.base_ref, pull.head_sha, seen_at, problem=_foreign(pull, repository), head_ref=pull.head_ref,
        labels=None if pull.labels is None else tuple(sorted(pull.labels)),
        changed=tuple(sorted(changed_paths(files))) if "changed" in used else None,
        files=len(files) if "size" in used else None,
        lines=sum(file.additions + file.deletions for file in files) if "size" in used else None,
    )  # fmt: skip


def conditions(policies: Policies) -> frozenset[str]:
    """The names of all conditions that any rule of the two policies has, at whatever depth."""
    return frozenset(name for rule in _rules(policies) for name in _used(rule.when))


def arrived_at(heads: Sequence[Head], sha: str) -> int:
    """When a delivery first told of this head, in microseconds since 1970 UTC; 0 when none did."""
    return min((head.received_at for head in heads if head.sha == sha and head.event == ARRIVED), default=0)


def _rules(policies: Policies) -> Iterator[Rule]:
    for policy in (policies.tenant, policies.repository):
        if policy is not None:
            yield from policy.rules


def _used(when: When) -> Iterator[str]:
    # Their types do not matter here: to ask for these as well costs a thousand times as much.
    for name in When.__struct_fields__:
        if getattr(when, name):
            yield name
    for inner in (*when.all, *when.any, *((when.not_,) if when.not_ is not None else ())):
        yield from _used(inner)


def _foreign(pull: Pull, repository: Repository) -> str:
    if pull.base_repository_id != repository.id:
        return f"The pull request belongs to repository {pull.base_repository_id}, not to {repository.id}."
    return ""
