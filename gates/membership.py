"""Who belongs to a group now, and whose membership is old and independent enough to count (THREATS 14)."""

from __future__ import annotations

import msgspec

from gates.excluded import Excluded
from gates.model import GroupFacts, Member, Snapshot
from gates.terms import EffectiveRule
from gates.words import SECOND, instant, span

UNKNOWN_AGE = "it is not known since when they belong to the group"


class Roster(msgspec.Struct, frozen=True):
    """One group's members by account; ``problem`` not empty means that nobody's membership can be told."""

    group: str
    members: dict[str, tuple[Member, ...]]
    problem: str = ""


class Registry(msgspec.Struct, frozen=True):
    """What is needed to judge memberships: instants in microseconds, and who holds which account."""

    oldest: int
    age: int
    excluded: Excluded
    links: dict[str, frozenset[str]]


def rosters(snapshot: Snapshot, rule: EffectiveRule) -> dict[str, Roster]:
    """The rosters of all groups that fill seats."""
    facts: dict[str, list[GroupFacts]] = {seat.group: [] for seat in rule.seats}
    for group in snapshot.groups:
        if group.name in facts:
            facts[group.name].append(group)
    return {name: _roster(name, found) for name, found in facts.items()}


def registry(snapshot: Snapshot, rule: EffectiveRule, excluded: Excluded) -> Registry:
    oldest = snapshot.release.proposed_at - rule.membership_age * SECOND
    granted = any(member.granted_by for group in snapshot.groups for member in group.members)
    return Registry(oldest, rule.membership_age, excluded, _links(snapshot) if granted else {})


def objection(member: Member, registry: Registry) -> str:
    """Why this membership does not count; empty when it does."""
    if member.kind != "User":
        return f"the account is a {member.kind}, not a human's"
    if member.granted_by and (by := _interested(member, registry)):
        return f"they were added to the group by {by}"
    if member.since is None:
        return UNKNOWN_AGE
    if member.since > registry.oldest:
        return (
            f"they belong to the group only since {instant(member.since)}, and a membership counts when it is "
            f"{span(registry.age)} older than the release"
        )
    return ""


def eligible(roster: Roster, registry: Registry) -> int:
    """How many persons of the group could fill a seat of this release."""
    persons = {
        member.person
        for members in roster.members.values()
        for member in members
        if member.person and not objection(member, registry)
    }
    barred = {
        member.person
        for members in roster.members.values()
        for member in members
        if registry.excluded.deed(member.account, member.person)
    }
    return len(persons - barred)


def _interested(member: Member, registry: Registry) -> str:
    granter = member.granted_by or ""
    persons = registry.links.get(granter, frozenset()).union(member.granted_by_people)
    if granter == member.account or member.person in persons:
        return "themselves"
    makers = registry.excluded
    if granter in makers.requester_accounts or persons & makers.requester_persons:
        return "the requester of the release"
    return ""


def _roster(name: str, found: list[GroupFacts]) -> Roster:
    if len(found) != 1:
        return Roster(name, {}, "its members were not read" if not found else "it was read more than once")
    if found[0].problem:
        return Roster(name, {}, found[0].problem)
    members: dict[str, tuple[Member, ...]] = {}
    for member in found[0].members:
        if member.account:
            others = members.get(member.account)
            members[member.account] = (*others, member) if others else (member,)
    return Roster(name, members)


def _links(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    links: dict[str, set[str]] = {}
    for contributor in snapshot.contributors.known:
        links.setdefault(contributor.account, set()).add(contributor.person)
    for group in snapshot.groups:
        for member in group.members:
            links.setdefault(member.account, set()).add(member.person)
    for consent in snapshot.consents:
        links.setdefault(consent.account, set()).add(consent.person)
    return {account: frozenset(persons - {""}) for account, persons in links.items()}
