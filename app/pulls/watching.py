"""Finds out what the verdict on a pull request depends on, from what it was just judged by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.facts.pull_facts import conditions
from app.facts.view import PullView
from app.pulls.watches import ORGANISATIONS, OWNERS, ROLES, TEAMS, Watches
from gates.model import Policies
from gates.terms import EffectiveRule
from manifests.policy import POLICY_PATH, Group


def watches(view: PullView) -> Watches:
    rules = [rule for release in view.releases for rule in release.rules.values() if isinstance(rule, EffectiveRule)]
    checks = {(check.name, check.app): check for rule in rules for check in rule.required_checks}
    return Watches(
        tuple(checks[key] for key in sorted(checks)),
        "labels" in conditions(view.policies),
        any(release.path == POLICY_PATH for release in view.releases),
        tuple(sorted(set(_groups(_defined(view.policies))))),
    )


def _defined(policies: Policies) -> Iterator[Group]:
    for policy in (policies.tenant, policies.repository):
        if policy is not None:
            yield from policy.groups.values()


def _groups(groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        if group.github_team is not None:
            yield f"{TEAMS}:{group.github_team.lower()}"
        if group.github_team_id is not None:
            yield f"{TEAMS}:{group.github_team_id}"
        if group.github_org is not None:
            yield f"{ORGANISATIONS}:{group.github_org.lower()}"
        if group.permission is not None:
            yield ROLES
        if group.codeowners:
            yield OWNERS
