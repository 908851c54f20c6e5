"""However large a policy and its facts are, a decision ends after a number of steps that grows with them, not beyond.

Calls of functions are counted, so that the machine it runs on makes no difference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from gates.decide import decide
from gates.model import Delegation, GroupFacts, Member, Policies, Snapshot
from manifests.policy import Group, Rule, Seat, When
from manifests.policy_terms import DelegationRule
from tests.gates.builders import NOW, POLICIES, POLICY, SECOND, SNAPSHOT, alter, consent, under

Case = tuple[Policies, Snapshot]


def person(number: int) -> Member:
    return Member(f"github:{number + 100}", f"p{number}", f"P{number}", since=0)


def case(
    rules: tuple[Rule, ...], people: int, groups: int, consents: tuple[Any, ...] = (),
    composed: dict[str, Group] | None = None, changed: tuple[str, ...] | None = None,
) -> Case:  # fmt: skip
    """``composed`` are groups made of others."""
    named = {f"g{number}": Group(github_team=f"acme/g{number}") for number in range(groups)}
    policy = alter(POLICY, groups={**named, **(composed or {})}, rules=rules)
    members = tuple(person(number) for number in range(people))
    facts = tuple(GroupFacts(name, members, NOW - SECOND) for name in named)
    policies, pull = alter(POLICIES, repository=policy), alter(SNAPSHOT.pull, changed=changed)
    return policies, under(policies, alter(SNAPSHOT, groups=facts, consents=consents, pull=pull))


def everybody_approves(size: int) -> Case:
    """Many seats, each of which anybody could fill."""
    seats = tuple(Seat(f"g{number}", 2, "attested") for number in range(size))
    names = tuple(f"g{number}" for number in range(size))
    said = tuple(consent(person(number), *names, id=f"c{number}") for number in range(3 * size))
    return case((Rule("r", seats=seats),), 3 * size, size, said)


def everybody_acts_for_everybody(size: int) -> Case:
    """Nobody in the group approves, and everybody in it lets everybody outside act."""
    seats = (Seat("g0", size, "attested"),)
    outside = [person(number + 1000) for number in range(size)]
    given = [
        consent(
            person(number), "g0", id=f"d{number}-{to.person}", decision="delegate",
            delegation=Delegation(to.person, to.account, 0),
        )
        for number in range(size)
        for to in outside
    ]  # fmt: skip
    said = [consent(who, "g0", id=f"c{who.person}") for who in outside]
    return case((Rule("r", seats=seats, delegation=DelegationRule()),), size, 1, (*given, *said))


def many_rules(size: int) -> Case:
    """Rules of nested conditions that all hold."""
    when = When(any=(When(kind=("model",)), When(not_=When(paths=("x/**",)))), all=(When(changed=("**/*.pt",)),) * 5)
    rules = tuple(Rule(f"r{number}", when, (Seat(f"g{number % 9}", 1, "attested"),)) for number in range(size))
    return case(rules, 9, 9, changed=tuple(f"models/{number}/policy.pt" for number in range(size)))


def groups_of_groups(size: int) -> Case:
    """Each made of the one before, twice."""
    composed = {
        f"g{number}": Group(any_of=(f"g{number - 1}",), all_of=(f"g{number - 1}",)) for number in range(1, size + 1)
    }
    return case((Rule("r", seats=(Seat(f"g{size}", 1, "attested"),)),), 5, 1, composed=composed)


def awkward_patterns(size: int) -> Case:
    """What makes a careless matcher try everything; here nothing matches, and another rule applies."""
    pattern = "**/" * size + "a*" * size + "b"
    rules = (Rule("r", When(changed=(pattern,)), (Seat("g0"),)), Rule("s", seats=(Seat("g0"),)))
    return case(rules, 3, 1, changed=("a/" * 4 * size + "a" * 4 * size,))


def calls(policies: Policies, snapshot: Snapshot) -> int:
    found = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal found
        found += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        decide(policies, snapshot)
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize(
    ("make", "small", "power"),
    [
        (everybody_approves, 10, 3), (everybody_acts_for_everybody, 10, 3), (many_rules, 20, 3),
        (groups_of_groups, 4, 3), (awkward_patterns, 5, 4),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_twice_as_much_takes_no_more_than_a_fixed_number_of_times_as_long(
    make: Callable[[int], Case], small: int, power: int
) -> None:
    """``power``: what the number of steps may grow with."""
    before, after = calls(*make(small)), calls(*make(2 * small))
    assert after <= 2**power * before + 1000, (before, after)
    assert after < 3_000_000
