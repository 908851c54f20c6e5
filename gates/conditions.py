"""Whether the conditions of a rule hold, in three values: yes, no, and cannot be told.

Doubt adds requirements, so a rule applies unless it certainly does not, and nothing that an author leaves out can take
one away: an undeclared risk is a high one. Labels, names, repositories and environments match in any letter case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from gates.glob import matches
from gates.groups import Roster
from gates.model import Contributor, PullFacts, ReleaseFacts
from manifests.policy import RISKS, Rule, When
from manifests.release import Release

T = TypeVar("T")


class Truth(msgspec.Struct, frozen=True):
    """``missing`` names the facts that are wanted where it cannot be told; ``holds`` is None then."""

    holds: bool | None
    missing: frozenset[str] = frozenset()


YES, NO = Truth(True), Truth(False)


class Facts(msgspec.Struct, frozen=True):
    """What conditions are about. ``requesters`` are the requester's accounts and persons, none where it is not known
    who asked; ``rosters`` the groups that conditions name, ``settled`` the same with the memberships that count alone:
    nobody joins a group to be spared a rule."""

    manifest: Release
    release: ReleaseFacts
    pull: PullFacts
    environment: str
    requesters: tuple[Contributor, ...] = ()
    rosters: dict[str, Roster] = {}
    settled: dict[str, Roster] = {}


def judge(when: When, facts: Facts, *, spares: bool = False) -> Truth:
    """Whether everything that ``when`` names holds. Under a ``not`` (``spares``), what holds takes a rule away."""
    return _all(_keys(when, facts, spares))


def named_groups(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The groups that the conditions of the rules ask about, sorted."""
    found: set[str] = set()
    left = [rule.when for rule in rules]
    for when in left:
        found.update(when.requester)
        left += [*when.all, *when.any]
        if when.not_ is not None:
            left.append(when.not_)
    return tuple(sorted(found))


def _keys(when: When, facts: Facts, spares: bool) -> Iterator[Truth]:
    manifest, pull = facts.manifest, facts.pull
    if when.kind:
        yield _known(manifest.kind in when.kind)
    if when.name:
        yield _known(_fits(when.name, manifest.name, fold=True))
    if when.environment:
        yield _known(_fits(when.environment, facts.environment, fold=True))
    if when.paths:
        yield _known(_fits(when.paths, facts.release.manifest_path))
    if when.base_ref:
        yield _known(_fits(when.base_ref, pull.base_ref))
    if when.repository:
        yield _known(_fits(when.repository, pull.repository, fold=True))
    if when.risk is not None:
        yield _known(RISKS.index(manifest.change.risk or "high") >= RISKS.index(when.risk))
    yield from _about_the_pull_request(when, pull, spares)
    if when.requester:
        yield _any(_belongs(group, facts, spares) for group in sorted(set(when.requester)))
    for inner in when.all:
        yield judge(inner, facts, spares=spares)
    if when.any:
        yield _any(judge(inner, facts, spares=spares) for inner in when.any)
    if when.not_ is not None:
        yield _not(judge(when.not_, facts, spares=not spares))


def _about_the_pull_request(when: When, pull: PullFacts, spares: bool) -> Iterator[Truth]:
    """What may not have been read of it. To be spared a rule, every path that changes has to match: one more file
    takes no rule away."""
    enough = all if spares else any
    if when.head_ref:
        yield _told(pull.head_ref, "the branch it comes from", lambda ref: _fits(when.head_ref, ref))
    if when.labels:
        wanted = {label.casefold() for label in when.labels}
        yield _told(pull.labels, "its labels", lambda found: not wanted.isdisjoint(label.casefold() for label in found))
    if when.size is not None and (when.size.files is not None or when.size.lines is not None):
        yield _any(
            _size(least, found) for least, found in ((when.size.files, pull.files), (when.size.lines, pull.lines))
        )
    if when.changed:
        yield _told(
            pull.changed,
            "the paths that it changes",
            lambda paths: bool(paths) and enough(_fits(when.changed, path) for path in paths),
        )


def _size(least: int | None, found: int | None) -> Truth:
    return NO if least is None else _told(found, "how much it changes", lambda size: size >= least)


def _belongs(group: str, facts: Facts, spares: bool) -> Truth:
    """Whether the requester is in the group, by an account or as a person. To be spared a rule they have to be in it
    as everybody that their account was ever linked to, by memberships that count."""
    accounts = {requester.account for requester in facts.requesters} - {""}
    persons = {requester.person for requester in facts.requesters} - {""}
    roster = facts.rosters.get(group)
    if not accounts and not persons:
        return _unknown("who asks for it")
    if roster is None or roster.problem:
        return _unknown(f"whether the requester belongs to {group}")
    members = [member for found in roster.members.values() for member in found]
    if any(member.account in accounts or member.person in persons for member in members):
        settled = facts.settled.get(group)
        if spares and not all(_is_settled(requester, settled) for requester in facts.requesters):
            return _unknown(f"whether the requester belonged to {group} before")
        return YES
    # Somebody who is not linked yet may be the requester by another account.
    doubt = not persons or not all(member.person for member in members)
    return _unknown(f"whether the requester belongs to {group}") if doubt else NO


def _is_settled(requester: Contributor, roster: Roster | None) -> bool:
    if roster is None or roster.problem:
        return False
    members = [member for found in roster.members.values() for member in found]
    account, person = requester.account, requester.person
    return any((account and member.account == account) or (person and member.person == person) for member in members)


def _told(fact: T | None, name: str, holds: Callable[[T], bool]) -> Truth:
    return _unknown(name) if fact is None else _known(holds(fact))


def _known(holds: bool) -> Truth:
    return YES if holds else NO


def _unknown(what: str) -> Truth:
    return Truth(None, frozenset({what}))


def _all(truths: Iterable[Truth]) -> Truth:
    missing: set[str] = set()
    for truth in truths:
        if truth.holds is False:
            return NO
        missing |= truth.missing
    return Truth(None, frozenset(missing)) if missing else YES


def _any(truths: Iterable[Truth]) -> Truth:
    return _not(_all(_not(truth) for truth in truths))


def _not(truth: Truth) -> Truth:
    return truth if truth.holds is None else _known(not truth.holds)


def _fits(patterns: tuple[str, ...], value: str, fold: bool = False) -> bool:
    if fold:
        return any(matches(pattern.casefold(), value.casefold()) for pattern in patterns)
    return any(matches(pattern, value) for pattern in patterns)
