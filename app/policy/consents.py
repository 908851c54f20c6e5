"""The people of a snapshot: groups, consents, and who had a hand in the release."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from app.policy.model import SECOND, ConsentSaid, Facts, GroupSaid, MemberSaid, Part, Word
from app.policy.people import People
from gates.definitions import groups_named
from gates.groups import has_source
from gates.model import Consent, Contributor, Contributors, GroupFacts, Member, Policies, Snapshot
from gates.rule import condition_groups
from gates.terms import EffectiveRule
from manifests.policy import DEFAULT_EXPIRY_S, Strength, Way

AUTHOR = "author"
_STRENGTH: dict[Way, Strength] = {"cli": "personal", "passkey": "passkey"}
_ANOTHER: dict[Part, str] = {"head": "c3" * 20, "base_ref": "another-branch"}


def author_of(facts: Facts) -> str:
    return facts.release.author.text if facts.release.author else AUTHOR


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


def contributors_of(facts: Facts, people: People, seen: int) -> Contributors:
    """The author asked for the release, wrote and pushed it; others as the case says."""
    author = author_of(facts)
    known = [
        Contributor(people.account(author), people.person(author), role) for role in ("requester", "author", "pusher")
    ]
    unknown = []
    for said in facts.contributors or ():
        if said.who is None:
            unknown.append(said.unknown)
        else:
            known.append(Contributor(people.account(said.who.text), people.person(said.who.text), said.role))
    return Contributors(tuple(known), tuple(unknown), seen)


def consents_of(facts: Facts, people: People, bare: Snapshot, rule: EffectiveRule | None) -> tuple[Consent, ...]:
    """Everything that was consented or withheld, bound to the release as it is, save what has changed since."""
    kinds: tuple[tuple[Literal["approve", "reject", "hold"], tuple[ConsentSaid, ...]], ...] = (
        ("approve", facts.approvals or ()),
        ("reject", facts.rejections or ()),
        ("hold", facts.holds or ()),
    )
    return tuple(
        _consent(said, decision, f"{decision}-{number}", people, bare, rule)
        for decision, list_of in kinds
        for number, said in enumerate(list_of, 1)
    )


def _consent(
    said: ConsentSaid, decision: Literal["approve", "reject", "hold"], id: str, people: People, bare: Snapshot,
    rule: EffectiveRule | None,
) -> Consent:  # fmt: skip
    login, manifest = said.by.text, bare.release.manifest
    assert manifest is not None
    everywhere = manifest.environments if decision == "approve" else ()
    issued_at = said.at.at(bare.at)
    consent = Consent(
        id=id,
        decision=decision,
        person=people.person(login),
        account=people.account(login),
        name=login,
        repository_id=bare.pull.repository_id,
        pull_number=bare.pull.number,
        manifest_path=bare.release.manifest_path,
        base_ref=bare.pull.base_ref,
        head_sha=bare.pull.head_sha,
        revision=bare.release.revision,
        effective_rule=rule.digest if rule else "",
        environments=everywhere if said.environments is None else said.environments,
        groups=_acts_for(said, people.account(login), bare),
        artifacts=tuple(artifact.sha256 for artifact in manifest.artifacts),
        strength=said.strength or _STRENGTH.get(said.way, "attested"),
        way=said.way,
        issued_at=issued_at,
        not_after=issued_at + (rule.expires if rule else DEFAULT_EXPIRY_S) * SECOND,
        kind=people.kind(login),
        via_app=said.via_app,
        reason=said.reason,
        void=said.void,
    )
    return _outdated(consent, said.changed_since)


def _acts_for(said: ConsentSaid, account: str, bare: Snapshot) -> tuple[str, ...]:
    if said.groups is not None:
        return tuple(group.text for group in said.groups)
    return tuple(group.name for group in bare.groups if any(member.account == account for member in group.members))


def _outdated(consent: Consent, parts: tuple[Part, ...]) -> Consent:
    digest = hashlib.sha256(b"another").hexdigest()
    fields = {"head": "head_sha", "rule": "effective_rule"}
    changed = {fields.get(part, part): _ANOTHER.get(part, digest) for part in parts}
    return msgspec.structs.replace(consent, **changed)
