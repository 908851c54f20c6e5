"""Rosters: who belongs to each group now, groups that are made of other groups included.

A group is the union of its own sources and of the groups ``any_of``; with ``all_of``, only those of them who are in
each of these groups too. A part that cannot be relied on makes the whole one that cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from gates.model import GroupFacts, Member
from manifests.policy import Group

MAX_DEPTH = 8
"""How deep groups may be made of groups."""

Members = dict[str, tuple[Member, ...]]
Judge = Callable[[Member], str]


class Roster(msgspec.Struct, frozen=True):
    """One group's members by account; ``problem`` not empty means that nobody's membership can be told."""

    group: str
    members: Members
    problem: str = ""


class JointMember(Member, frozen=True):
    """Somebody who is in several groups at once: ``since`` the younger of the memberships, ``against`` has what keeps
    one of them from counting."""

    against: str = ""


def parts(group: Group) -> tuple[str, ...]:
    """The groups that it is made of, each once, sorted."""
    return tuple(sorted({*group.any_of, *group.all_of})) if group.any_of or group.all_of else ()


def has_source(group: Group) -> bool:
    """Whether members of its own have to be read for it."""
    return not parts(group) or msgspec.structs.replace(group, any_of=(), all_of=()) != Group()


def rosters(definitions: Mapping[str, Group], facts: Iterable[GroupFacts], judge: Judge) -> dict[str, Roster]:
    """The roster of every defined group. ``judge`` says what is against a membership, nothing where it counts."""
    found: dict[str, list[GroupFacts]] = {}
    for group in facts:
        found.setdefault(group.name, []).append(group)
    composer = _Composer(definitions, found, judge)
    return {name: composer.roster(name) for name in definitions}


def belonging(definitions: Mapping[str, Group], facts: Iterable[GroupFacts], account: str) -> tuple[str, ...]:
    """The names of the defined groups that the account is in now, those that are made of others included; sorted."""
    found = rosters(definitions, facts, lambda member: "")
    return tuple(sorted(name for name, roster in found.items() if account in roster.members))


class _Composer:
    """Puts each roster together once."""

    def __init__(self, definitions: Mapping[str, Group], found: Mapping[str, list[GroupFacts]], judge: Judge) -> None:
        self._definitions, self._found, self._judge = definitions, found, judge
        self._done: dict[str, Roster] = {}

    def roster(self, name: str, above: tuple[str, ...] = ()) -> Roster:
        if name in above:
            return Roster(name, {}, "it is made of itself")
        if len(above) > MAX_DEPTH:
            return Roster(name, {}, f"groups are made of groups more than {MAX_DEPTH} deep")
        if name not in self._done:
            self._done[name] = self._made(name, (*above, name))
        return self._done[name]

    def _made(self, name: str, above: tuple[str, ...]) -> Roster:
        definition = self._definitions.get(name)
        if definition is None:
            return Roster(name, {}, "no policy defines it")
        if not parts(definition):
            return _own(name, self._found.get(name, []))
        united = [_own(name, self._found.get(name, []))] if has_source(definition) else []
        united += [self.roster(part, above) for part in sorted(set(definition.any_of))]
        needed = [self.roster(part, above) for part in sorted(set(definition.all_of))]
        for part in (*united, *needed):
            if part.problem:
                whose = "" if part.group == name else f"{part.group}, which it is made of, cannot be relied on: "
                return Roster(name, {}, f"{whose}{part.problem}")
        first, *rest = needed if not united else [Roster(name, _union(united)), *needed]
        members = first.members
        for other in rest:
            members = self._common(members, other.members)
        return Roster(name, members)

    def _common(self, one: Members, other: Members) -> Members:
        found: Members = {}
        for account in one.keys() & other.keys():
            joint = [
                self._joint(person, one[account], other[account])
                for person in sorted({m.person for m in one[account]} & {m.person for m in other[account]})
            ]
            if joint:
                found[account] = tuple(joint)
        return found

    def _joint(self, person: str, one: Iterable[Member], other: Iterable[Member]) -> JointMember:
        (left, against), (right, also) = self._best(person, one), self._best(person, other)
        return JointMember(
            left.account, person, left.name, left.kind if left.kind != "User" else right.kind,
            None if left.since is None or right.since is None else max(left.since, right.since),
            against=f"{against}, and {also}" if against and also and against != also else against or also,
        )  # fmt: skip

    def _best(self, person: str, members: Iterable[Member]) -> tuple[Member, str]:
        """The person's entry with the least against it."""
        judged = [(self._judge(member), repr(member), member) for member in members if member.person == person]
        against, _, member = min(judged, key=lambda one: one[:2])
        return member, against


def _own(name: str, found: list[GroupFacts]) -> Roster:
    if len(found) != 1:
        return Roster(name, {}, "its members were not read" if not found else "it was read more than once")
    if found[0].problem:
        return Roster(name, {}, found[0].problem)
    members: Members = {}
    for member in found[0].members:
        if member.account:
            others = members.get(member.account)
            members[member.account] = (*others, member) if others else (member,)
    return Roster(name, members)


def _union(rosters: Iterable[Roster]) -> Members:
    found: Members = {}
    for roster in rosters:
        for account, members in roster.members.items():
            others = found.get(account)
            found[account] = tuple(dict.fromkeys(others + members)) if others else members
    return found
