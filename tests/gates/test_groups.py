"""Groups that are made of other groups: unions, intersections, and what cannot be told."""

from __future__ import annotations

import pytest

from gates.decide import decide
from gates.definitions import groups_named
from gates.groups import belonging, has_source, rosters
from gates.model import GroupFacts
from manifests.policy import Group, Rule, Seat
from manifests.policy_terms import BreakGlassRule, DeadlineRule, FindingsRule
from tests.gates.builders import (
    BOB,
    CAROL,
    DAY,
    FRANK,
    GRACE,
    NOW,
    POLICIES,
    POLICY,
    PROPOSED,
    SECOND,
    SNAPSHOT,
    alter,
    consent,
    member,
    rule_of,
)
from tests.gates.tables import Row, altered, hold, nodes

TEAM = Group(github_team="acme/x")
SEATS = {"repository_policy.rules.0.seats": (Seat("made", 1, "attested", ("review", "command", "cli")),)}


def made(definition: Group, *facts: GroupFacts, **groups: Group) -> dict[str, object]:
    """The passing case with one seat, from the group ``made``; the other groups are teams unless given."""
    others = {fact.name: TEAM for fact in facts} | groups
    return {
        **SEATS,
        "repository_policy.groups": {**others, "made": definition},
        "groups": facts,
        "consents": (consent(BOB, "made", way="command"),),
    }


def of(name: str, *members: object, **fields: object) -> GroupFacts:
    return alter(GroupFacts(name, members, NOW - SECOND), **fields)  # type: ignore[arg-type]


YOUNG = alter(BOB, since=PROPOSED)
UNKNOWN = alter(BOB, since=None)
ADDED = alter(BOB, granted_by="github:1")
OWN = Group(github_team="acme/made", any_of=("a",))
BOTH = Group(all_of=("a", "b"))
ROWS = (
    Row("a member of a part", made(Group(any_of=("a", "b")), of("a", CAROL), of("b", BOB)), "pass"),
    Row("a member by a source of its own", made(OWN, of("made", BOB), of("a", CAROL)), "pass"),
    Row("a member of no part", made(Group(any_of=("a", "b")), of("a", CAROL), of("b", FRANK)), "wait", "not a member"),
    Row("in both groups", made(BOTH, of("a", BOB, CAROL), of("b", FRANK, BOB)), "pass"),
    Row("in one of both groups", made(BOTH, of("a", BOB), of("b", CAROL)), "wait", "not a member of made now"),
    Row("in both, as others", made(BOTH, of("a", BOB), of("b", alter(BOB, person="p-eve"))), "wait", "not a member"),
    Row("a source, and another group besides",
        made(Group(members=("bob",), all_of=("a",)), of("made", BOB), of("a", BOB)), "pass"),
    Row("a source, and not in the other group",
        made(Group(members=("bob",), all_of=("a",)), of("made", BOB), of("a", CAROL)), "wait", "not a member"),
    Row("a union within an intersection",
        made(Group(any_of=("a", "b"), all_of=("c",)), of("a", CAROL), of("b", BOB), of("c", BOB)), "pass"),
    Row("an intersection of unions",
        made(Group(all_of=("ab", "c")), of("a", CAROL), of("b", BOB), of("c", BOB), ab=Group(any_of=("a", "b"))),
        "pass"),
    Row("too young in one of both", made(BOTH, of("a", BOB), of("b", YOUNG)), "wait", "24 hours older"),
    Row("of unknown age in one of both", made(BOTH, of("a", UNKNOWN), of("b", BOB)), "wait", "not known since when"),
    Row("added to one of both by the requester", made(BOTH, of("a", BOB), of("b", ADDED)), "wait", "by the requester"),
    Row("a bot in one of both", made(BOTH, of("a", BOB), of("b", alter(BOB, kind="Bot"))), "wait", "is a Bot"),
    Row("too young in one of either", made(Group(any_of=("a", "b")), of("a", BOB), of("b", YOUNG)), "pass"),
    Row("too young, or added by the requester: one entry counts",
        made(BOTH, of("a", ADDED, BOB), of("b", YOUNG, BOB)), "pass"),
    Row("a part that cannot be read", made(Group(any_of=("a", "b")), of("a", BOB), of("b", problem="404")), "error",
        "b, which it is made of, cannot be relied on: 404"),
    Row("a needed part that cannot be read", made(BOTH, of("a", BOB), of("b", problem="404")), "error", "404"),
    Row("a part that was not read", made(BOTH, of("a", BOB), b=TEAM), "error", "its members were not read"),
    Row("a source of its own that was not read", made(OWN, of("a", BOB)), "error", "its members were not read"),
    Row("members that nobody asked about add nobody", made(Group(any_of=("a",)), of("made", BOB), of("a", CAROL)),
        "wait"),
    Row("a part of a part", made(Group(any_of=("x",)), of("a", BOB), x=Group(any_of=("y",)), y=Group(any_of=("a",))),
        "pass"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_seats_are_filled_from_groups_made_of_groups(row: Row) -> None:
    hold(row._replace(agreed=True), "approvals")


DEEP = {f"g{n}": Group(any_of=(f"g{n + 1}",)) for n in range(12)} | {"g12": TEAM}
CYCLE = {"made": Group(any_of=("x",)), "x": Group(all_of=("made",))}
PROBLEMS = (
    ({"made": Group(any_of=("made",))}, "group-cycle", "made of each other: made"),
    (CYCLE, "group-cycle", "made of each other: made and x"),
    ({"made": Group(any_of=("nowhere",))}, "group-undefined", "the group nowhere, which no policy defines"),
    ({**DEEP, "made": Group(any_of=("g0",))}, "group-too-deep", "more than 8 deep"),
)


@pytest.mark.parametrize(("groups", "code", "says"), PROBLEMS)
def test_groups_that_cannot_be_put_together_give_no_rule(groups: dict[str, Group], code: str, says: str) -> None:
    verdict = decide(*altered({**SEATS, "repository_policy.groups": groups}))
    found = {node.name: node.summary for node in nodes(verdict.results)}
    assert verdict.outcome == "deny"
    assert says in found.get(code, found["rule"])


@pytest.mark.parametrize("groups", [CYCLE, {**DEEP, "made": Group(any_of=("g0",))}])
def test_rosters_of_such_groups_are_none(groups: dict[str, Group]) -> None:
    found = rosters(groups, [GroupFacts("g12", (BOB,))], lambda member: "")
    assert found["made"].problem
    assert not found["made"].members


def test_a_part_that_the_repository_redefines_gives_no_rule() -> None:
    changes = {
        **SEATS,
        "repository_policy.groups": {"made": Group(any_of=("a",)), "a": Group(members=("eve",))},
        "tenant_policy.groups": {"a": TEAM},
    }
    verdict = decide(*altered(changes))
    assert any("defines the group a differently" in node.summary for node in nodes(verdict.results))


def test_who_belongs_to_what_is_told_of_groups_made_of_groups_too() -> None:
    definitions = {"either": Group(any_of=("a", "b")), "both": Group(all_of=("a", "b")), "a": TEAM, "b": TEAM}
    facts = (of("a", BOB, CAROL), of("b", CAROL, GRACE))
    assert belonging(definitions, facts, BOB.account) == ("a", "either")
    assert belonging(definitions, facts, CAROL.account) == ("a", "b", "both", "either")
    assert belonging(definitions, facts, "github:77") == ()


def test_the_younger_membership_is_that_of_both() -> None:
    older, younger = alter(BOB, since=NOW - 9 * DAY), alter(BOB, since=NOW - DAY)
    found = rosters({"made": BOTH, "a": TEAM, "b": TEAM}, (of("a", older), of("b", younger)), lambda member: "")
    (joint,) = found["made"].members[BOB.account]
    assert (joint.since, joint.person) == (NOW - DAY, BOB.person)


@pytest.mark.parametrize(
    ("group", "source"),
    [(Group(), True), (TEAM, True), (Group(any_of=("a",)), False), (BOTH, False), (OWN, True)],
)
def test_only_groups_with_members_of_their_own_are_read(group: Group, source: bool) -> None:
    assert has_source(group) is source


def test_every_group_that_a_rule_names_is_among_its_terms() -> None:
    rule = Rule(
        "r",
        seats=(Seat("a"),),
        veto=("b",),
        deadline=DeadlineRule(60, escalate=("c",)),
        findings=FindingsRule("high", ("sbom",), exceptions_by="d"),
        break_glass=BreakGlassRule(("e",), review_by="f"),
    )
    names = "abcdefgh"
    groups = dict.fromkeys(names, TEAM) | {"a": Group(any_of=("g",)), "g": Group(all_of=("h",))}
    policies = alter(POLICIES, repository=alter(POLICY, rules=(rule,), groups={**groups, "unused": TEAM}))
    found = rule_of(policies, SNAPSHOT)
    assert [group.name for group in found.groups] == list(names)
    assert [group.name for group in groups_named(policies, ("a", "nowhere"))] == ["a", "g", "h"]


def test_eligible_members_of_a_union_are_counted_once() -> None:
    changes = made(Group(any_of=("a", "b")), of("a", BOB, CAROL), of("b", BOB, member(40, "Young", since=PROPOSED)))
    verdict = decide(*altered({**changes, "consents": ()}))
    seat = next(node for node in nodes(verdict.results) if node.name == "made")
    assert seat.who == "made (2 of its members could)"
