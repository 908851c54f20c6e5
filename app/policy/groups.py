"""The groups of a snapshot, and who is in which of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.policy.model import SECOND, Facts, GroupSaid, MemberSaid, Word
from app.policy.people import People
from gates.definitions import groups_named
from gates.groups import has_source, rosters
from gates.model import GroupFacts, Member, Policies
from gates.rule import condition_groups
from gates.terms import EffectiveRule
from manifests.policy import Group


def groups_of(
    facts: Facts, people: People, policies: Policies, rule: EffectiveRule | None, proposed_at: int, at: int, seen: int
) -> tuple[GroupFacts, ...]:
    """The groups that the case describes; of the others that rules name, the members that the policy lists.

    A member belonged to the group long enough to count, unless the case says since when.
    """
    named = (*groups_named(policies, condition_groups(policies)), *(rule.groups if rule else ()))
    listed = {group.name: group.definition.members for group in named if has_source(group.definition)}
    said = {
        name: GroupSaid(Word(name), tuple(MemberSaid(Word(login)) for login in logins))
        for name, logins in listed.items()
    }
    said.update(facts.groups)
    assert policies.tenant is not None
    before = proposed_at - (policies.tenant.people.membership_age + 86_400) * SECOND
    return tuple(_group(group, people, before, at, seen) for group in said.values())


def definitions(policies: Policies) -> dict[str, Group]:
    """Every group that either policy defines; the tenant's definition counts."""
    found: dict[str, Group] = {}
    for layer in (policies.repository, policies.tenant):
        found.update(layer.groups if layer is not None else {})
    return found


def groups_with(policies: Policies, groups: Iterable[GroupFacts], account: str) -> tuple[str, ...]:
    """The groups that the account is in, as far as was ever known: a group that cannot be read now could be once."""
    read = [msgspec.structs.replace(group, problem="") for group in groups]
    found = rosters(definitions(policies), read, lambda member: "")
    return tuple(sorted(name for name, roster in found.items() if account in roster.members))


def _group(said: GroupSaid, people: People, before: int, at: int, seen: int) -> GroupFacts:
    members = tuple(
        _member(member, people, before if member.since is None else member.since.at(at)) for member in said.members
    )
    return GroupFacts(said.name.text, members, seen, said.problem)


def _member(said: MemberSaid, people: People, since: int) -> Member:
    login = said.login.text
    by = said.added_by.text if said.added_by else None
    return Member(
        account=people.account(login),
        person=people.person(login),
        name=login,
        kind=people.kind(login),
        since=since,
        granted_by=None if by is None else people.account(by),
        granted_by_people=() if by is None else (people.person(by),),
    )
