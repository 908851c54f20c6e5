"""Finds out what the verdict on a pull request depends on, from what it was just judged by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.facts.pull_facts import conditions
from app.facts.view import PullView
from app.pulls.watches import ORGANISATIONS, OWNERS, ROLES, TEAMS, Watches
from gates.definitions import groups_named
from gates.rule import condition_groups
from gates.terms import EffectiveRule, GroupTerms
from manifests.policy import POLICY_PATH


def watches(view: PullView) -> Watches:
    rules = [rule for release in view.releases for rule in release.rules.values() if isinstance(rule, EffectiveRule)]
    named = groups_named(view.policies, condition_groups(view.policies)) if view.releases else ()
    checks = {(check.name, check.app): check for rule in rules for check in rule.required_checks}
    return Watches(
        tuple(checks[key] for key in sorted(checks)),
        "labels" in conditions(view.policies),
        any(release.path == POLICY_PATH for release in view.releases),
        tuple(sorted(set(_groups((*named, *(group for rule in rules for group in rule.groups)))))),
    )


def _groups(groups: Iterable[GroupTerms]) -> Iterator[str]:
    for terms in groups:
        group = terms.definition
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
