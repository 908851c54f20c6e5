"""The definitions of the groups that a rule names, and of those that they are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gates.groups import MAX_DEPTH, parts
from gates.model import Policies
from gates.terms import GroupTerms
from gates.words import listing
from manifests.errors import Problem
from manifests.policy import Group, Policy, TenantPolicy

_RESOLVE = "Let an administrator take one of them out of any_of or all_of in the policy."


def groups(
    tenant: TenantPolicy, repository: Policy, asked: Iterable[str]
) -> tuple[tuple[GroupTerms, ...], tuple[Problem, ...]]:
    """Every group that is asked for and those that it is made of, by name, with what is wrong with them. A repository
    cannot redefine a group of the tenant."""
    found: dict[str, Group] = {}
    problems: dict[str, Problem] = {}
    left = sorted(set(asked))
    for name in left:
        above, below = tenant.groups.get(name), repository.groups.get(name)
        definition = above if above is not None else below
        if name in found or name in problems:
            continue
        if definition is None:
            problems[name] = _undefined(name)
        elif above is not None and below is not None and above != below:
            problems[name] = _redefined(name)
        else:
            found[name] = definition
            left += parts(definition)
    terms = tuple(GroupTerms(name, found[name]) for name in sorted(found))
    return terms, (*(problems[name] for name in sorted(problems)), *_tangled(found))


def groups_named(policies: Policies, names: Collection[str]) -> tuple[GroupTerms, ...]:
    """The groups of these names and those that they are made of, as far as they are soundly defined."""
    if policies.tenant is None or not names:
        return ()
    return groups(policies.tenant, policies.repository or Policy(""), names)[0]


def _tangled(found: dict[str, Group]) -> list[Problem]:
    """Groups that are made of themselves, or of too many others, one within the other."""
    if not any(map(parts, found.values())):
        return []
    problems = []
    deep: dict[str, int] = {}
    left = {name: {part for part in parts(group) if part in found} for name, group in found.items()}
    while ready := [name for name, within in left.items() if within <= deep.keys()]:
        for name in ready:
            deep[name] = 1 + max((deep[part] for part in left.pop(name)), default=-1)
    if left:
        problems.append(
            Problem("group-cycle", f"These groups are made of each other: {listing(sorted(left))}.", _RESOLVE)
        )
    if over := sorted(name for name, depth in deep.items() if depth > MAX_DEPTH):
        message = f"The group {over[0]} is made of groups that are made of groups, more than {MAX_DEPTH} deep."
        problems.append(Problem("group-too-deep", message, _RESOLVE))
    return problems


def _undefined(group: str) -> Problem:
    return Problem(
        "group-undefined",
        f"A rule asks for the group {group}, which no policy defines.",
        "Define the group under groups in the policy, or correct its name in the rule.",
    )


def _redefined(group: str) -> Problem:
    return Problem(
        "group-redefined",
        f"The repository defines the group {group} differently from the tenant policy.",
        "Remove the group from the repository's policy: the tenant's definition counts.",
    )
