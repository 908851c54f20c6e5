"""Who belongs to a group now, and whose membership is old and independent enough to count (THREATS 14)."""

from __future__ import annotations

import msgspec

from gates import groups
from gates.excluded import Excluded, excluded
from gates.groups import JointMember, Roster
from gates.model import Consent, Member, Snapshot
from gates.terms import EffectiveRule
from gates.words import SECOND, instant, span

UNKNOWN_AGE = "it is not known since when they belong to the group"


class Registry(msgspec.Struct, frozen=True):
    """What is needed to judge memberships: instants in microseconds, and who holds which account."""

    oldest: int
    age: int
    excluded: Excluded
    links: dict[str, frozenset[str]]


def rosters(snapshot: Snapshot, rule: EffectiveRule, known: Registry | None = None) -> dict[str, Roster]:
    """The rosters of all groups that the rule names and of those that they are made of. ``known`` is the registry of
    the same snapshot, where it is at hand."""

    def judge(member: Member) -> str:
        nonlocal known
        known = known or registry(snapshot, rule, excluded(snapshot, rule))
        return objection(member, known)

    return groups.rosters({group.name: group.definition for group in rule.groups}, snapshot.groups, judge)


def registry(snapshot: Snapshot, rule: EffectiveRule, excluded: Excluded) -> Registry:
    oldest = snapshot.release.proposed_at - rule.membership_age * SECOND
    granted = any(member.granted_by for group in snapshot.groups for member in group.members)
    return Registry(oldest, rule.membership_age, excluded, _links(snapshot) if granted else {})


def objection(member: Member, registry: Registry) -> str:
    """Why this membership does not count; empty when it does."""
    if isinstance(member, JointMember) and member.against:
        return member.against
    if member.kind != "User":
        return f"the account is a {member.kind}, not a human's"
    if member.granted_by and (by := _interested(member, registry)):
        return f"they were added to the group by {by}"
    if member.since is not None and member.since <= registry.oldest:
        return ""
    return _age(member, registry)


def stranger(consent: Consent, roster: Roster, registry: Registry) -> str:
    """Why somebody does not count as a member of the group now; empty when they do."""
    if roster.problem:
        return f"the group {roster.group} cannot be relied on: {roster.problem}"
    objections: list[str] = []
    for member in roster.members.get(consent.account, ()):
        if member.person == consent.person:
            why = objection(member, registry)
            if not why:
                return ""
            objections.append(why)
    return min(objections, default=f"the account is not a member of {roster.group} now")


def counts_from(consent: Consent, roster: Roster, registry: Registry) -> int | None:
    """From when on a release has to be proposed (microseconds) so that a membership that is too young for this one
    counts; None where it is not for its age alone."""
    entries = roster.members.get(consent.account, ())
    young = [
        entry.since
        for entry in entries
        if entry.person == consent.person
        and entry.since is not None
        and objection(entry, registry) == _age(entry, registry)
    ]
    return min(young) + registry.age * SECOND if young else None


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


def _age(member: Member, registry: Registry) -> str:
    if member.since is None:
        return UNKNOWN_AGE
    return (
        f"they belong to the group only since {instant(member.since)}, and a membership counts when it is "
        f"{span(registry.age)} older than the release"
    )


def _interested(member: Member, registry: Registry) -> str:
    granter = member.granted_by or ""
    persons = registry.links.get(granter, frozenset()).union(member.granted_by_people)
    if granter == member.account or member.person in persons:
        return "themselves"
    makers = registry.excluded
    if granter in makers.requester_accounts or persons & makers.requester_persons:
        return "the requester of the release"
    return ""


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
