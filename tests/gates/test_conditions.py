"""Conditions of rules: what holds, what does not, and what cannot be told and therefore counts as holding."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.conditions import Facts, judge, named_groups
from gates.groups import Roster
from gates.model import Contributor, GroupFacts, Member
from gates.rule import condition_groups
from manifests.policy import Group, Rule, Seat, Size, When
from tests.gates.arbitrary import patient
from tests.gates.builders import (
    BOB,
    DAY,
    MANIFEST,
    NOW,
    POLICIES,
    POLICY,
    PROPOSED,
    PULL,
    RELEASE,
    RULE,
    SECOND,
    alter,
    member,
    rule_of,
)  # fmt: skip
from tests.gates.tables import Row, altered, hold

READ = alter(
    PULL, head_ref="eve:feature/x", labels=("Risk: High", "data"), changed=("docs/a.md", "models/x.pt"), files=2,
    lines=40,
)  # fmt: skip
ALICE = (Contributor("github:1", "p-alice", "requester"),)
IN = Roster("in", {"github:1": (Member("github:1", "p-alice", "Alice"),)})
PERSON = Roster("in", {"servicenow:a": (Member("servicenow:a", "p-alice", "Alice"),)})
OUT = Roster("out", {"github:2": (Member("github:2", "p-bob", "Bob"),)})
UNLINKED = Roster("out", {"servicenow:x": (Member("servicenow:x", "", "X"),)})
BROKEN = Roster("out", {}, "GitHub said 404")


def facts(**fields: Any) -> Facts:
    manifest = alter(MANIFEST, change=alter(MANIFEST.change, risk=fields.pop("risk", None)))
    pull = alter(READ, **fields)
    rosters = {"in": IN, "out": OUT, "person": PERSON}
    return Facts(manifest, RELEASE, pull, "production", ALICE, rosters, rosters)


CASES: tuple[tuple[When, dict[str, Any], bool | None], ...] = (
    (When(), {}, True),
    (When(repository=("ACME/*",)), {}, True),
    (When(repository=("other/*",)), {}, False),
    (When(head_ref=("eve:*/x",)), {}, True),
    (When(head_ref=("feature/*",)), {}, False),
    (When(head_ref=("feature/*",)), {"head_ref": "feature/x"}, True),
    (When(head_ref=("**",)), {"head_ref": None}, None),
    (When(labels=("risk: HIGH", "other")), {}, True),
    (When(labels=("other",)), {}, False),
    (When(labels=("other",)), {"labels": ()}, False),
    (When(labels=("other",)), {"labels": None}, None),
    (When(risk="high"), {"risk": "high"}, True),
    (When(risk="moderate"), {"risk": "high"}, True),
    (When(risk="high"), {"risk": "moderate"}, False),
    (When(risk="moderate"), {"risk": "low"}, False),
    (When(risk="low"), {"risk": "low"}, True),
    (When(risk="high"), {}, True),
    (When(size=Size(files=2)), {}, True),
    (When(size=Size(files=3)), {}, False),
    (When(size=Size(files=3, lines=40)), {}, True),
    (When(size=Size(files=3)), {"lines": None}, False),
    (When(size=Size(files=3, lines=41)), {"lines": None}, None),
    (When(size=Size(files=2, lines=41)), {"lines": None}, True),
    (When(size=Size(files=2)), {"files": None}, None),
    (When(size=Size()), {"files": None, "lines": None}, True),
    (When(changed=("models/**",)), {}, True),
    (When(changed=("other/**",)), {}, False),
    (When(changed=("other/**",)), {"changed": ()}, False),
    (When(changed=("other/**",)), {"changed": None}, None),
    (When(requester=("in",)), {}, True),
    (When(requester=("person",)), {}, True),
    (When(requester=("out",)), {}, False),
    (When(requester=("out", "in")), {}, True),
    (When(requester=("unread",)), {}, None),
    (When(requester=("unread", "in")), {}, True),
    (When(requester=("unread", "out")), {}, None),
    (When(kind=("model",), labels=("x",)), {"labels": None}, None),
    (When(kind=("config",), labels=("x",)), {"labels": None}, False),
    (When(all=(When(kind=("model",)), When(labels=("data",)))), {}, True),
    (When(all=(When(kind=("model",)), When(labels=("x",)))), {}, False),
    (When(all=(When(kind=("config",)), When(labels=("x",)))), {"labels": None}, False),
    (When(any=(When(kind=("config",)), When(labels=("data",)))), {}, True),
    (When(any=(When(kind=("config",)), When(labels=("x",)))), {}, False),
    (When(any=(When(kind=("config",)), When(labels=("x",)))), {"labels": None}, None),
    (When(any=(When(kind=("model",)), When(labels=("x",)))), {"labels": None}, True),
    (When(not_=When(changed=("models/**",))), {}, True),
    (When(not_=When(changed=("models/**", "docs/**"))), {}, False),
    (When(not_=When(not_=When(changed=("models/**",)))), {}, True),
    (When(not_=When(changed=("**",))), {"changed": ()}, True),
    (When(not_=When(changed=("other/**",))), {}, True),
    (When(not_=When(changed=("other/**",))), {"changed": None}, None),
    (When(not_=When(requester=("in",))), {}, False),
    (When(not_=When(requester=("person",))), {}, False),
    (When(not_=When(requester=("unread",))), {}, None),
    (When(kind=("model",), not_=When(all=(When(), When(paths=("x",))))), {}, True),
)  # fmt: skip


@pytest.mark.parametrize(("when", "fields", "holds"), CASES)
def test_conditions_hold_do_not_or_cannot_be_told(when: When, fields: dict[str, Any], holds: bool | None) -> None:
    truth = judge(when, facts(**fields))
    assert truth.holds is holds
    assert bool(truth.missing) is (holds is None)


@pytest.mark.parametrize("roster", [BROKEN, UNLINKED])
def test_a_group_that_may_hold_the_requester_cannot_be_told(roster: Roster) -> None:
    asked = alter(facts(), rosters={"out": roster})
    assert judge(When(requester=("out",)), asked).missing == {"whether the requester belongs to out"}


@pytest.mark.parametrize("requesters", [(), (Contributor("", "", "requester"),)])
def test_who_is_not_known_may_be_in_any_group(requesters: tuple[Contributor, ...]) -> None:
    truth = judge(When(requester=("out",)), alter(facts(), requesters=requesters))
    assert truth.missing == {"who asks for it"}


def test_an_account_without_a_person_may_be_anybodys() -> None:
    truth = judge(When(requester=("out",)), alter(facts(), requesters=(Contributor("github:1", "", "requester"),)))
    assert truth.holds is None


_PLAIN = st.sampled_from([case[0] for case in CASES])
_WHENS = st.recursive(
    _PLAIN,
    lambda within: st.builds(
        When,
        all=st.lists(within, max_size=2).map(tuple),
        any=st.lists(within, max_size=2).map(tuple),
        not_=st.none() | within,
    ),
    max_leaves=6,
)
_READABLE = ("head_ref", "labels", "changed", "files", "lines")


@patient
@given(_WHENS, st.sets(st.sampled_from((*_READABLE, "requester", "rosters"))))
def test_what_is_not_read_never_decides(when: When, unread: set[str]) -> None:
    known = facts()
    doubtful = facts(**{name: None for name in unread if name in _READABLE})
    if "requester" in unread:
        doubtful = alter(doubtful, requesters=())
    if "rosters" in unread:
        doubtful = alter(doubtful, rosters={})
    truth = judge(when, doubtful).holds
    assert truth is None or truth is judge(when, known).holds


SPARED = When(not_=When(requester=("maintainers",)))
OLD = member(1, "Alice")
TEAM = Group(github_team="acme/maintainers")
MADE = Group(any_of=("maintainers-team",), all_of=("employees",))


@pytest.mark.parametrize(
    ("members", "count"),
    [
        ((OLD,), 1),
        ((alter(OLD, since=PROPOSED),), 2),
        ((alter(OLD, since=PROPOSED - DAY + 1),), 2),
        ((alter(OLD, since=PROPOSED - DAY),), 1),
        ((alter(OLD, since=None),), 2),
        ((alter(OLD, granted_by="github:1"),), 2),
        ((alter(OLD, granted_by="github:77", granted_by_people=("p-alice",)),), 2),
        ((alter(OLD, granted_by="github:77", granted_by_people=("p-zoe",)),), 1),
        ((alter(OLD, since=None), OLD), 1),
        ((alter(OLD, kind="Bot"),), 1),
        ((BOB,), 2),
    ],
)
@pytest.mark.parametrize("is_made", [False, True])
def test_nobody_joins_a_group_to_be_spared_a_rule(members: tuple[Member, ...], count: int, is_made: bool) -> None:
    groups = {"maintainers": TEAM}
    known: tuple[GroupFacts, ...] = (GroupFacts("maintainers", members, NOW - SECOND),)
    if is_made:
        groups = {"maintainers": MADE, "maintainers-team": TEAM, "employees": Group(github_org="acme")}
        known = (alter(known[0], name="maintainers-team"), GroupFacts("employees", (OLD, BOB), NOW - SECOND))
    strict = alter(RULE, name="strict", when=SPARED, seats=(Seat("risk-managers", 2),))
    policies, snapshot = altered({"repository_policy.rules": (RULE, strict), "groups": lambda old: (*old, *known)})
    repository = alter(POLICY, rules=(RULE, strict), groups={**POLICY.groups, **groups})
    seats = rule_of(alter(policies, repository=repository), snapshot).seats
    assert next(seat.count for seat in seats if seat.group == "risk-managers") == count


def test_an_account_that_was_somebody_elses_is_not_spared_for_them() -> None:
    """Its person by now is no member; whoever it was linked to before is."""
    requesters = (Contributor("github:8", "p-mallory", "requester"), alter(ALICE[0], account="github:8"))
    asked = alter(facts(), requesters=requesters)
    assert judge(When(not_=When(requester=("in",))), asked).holds is None
    assert judge(When(requester=("in",)), asked).holds is True
    assert judge(When(not_=When(not_=When(requester=("in",)))), asked).holds is True


MAYBE = alter(RULE, name="maybe", when=When(labels=("big",)), seats=(Seat("risk-managers", 2),))
ONLY = {"repository_policy.rules": (alter(RULE, when=When(labels=("big",))),)}
ROWS = (
    Row("with only such rules it waits", ONLY, "wait", "Not known of the pull request: its labels."),
    Row("it passes when the label is there", {**ONLY, "pull.labels": ("Big",)}, "pass", agreed=True),
    Row("it fails when the label is not there", {**ONLY, "pull.labels": ()}, "fail", "No rule"),
    Row(
        "a requester in the group",
        {"repository_policy.rules.0.when": When(requester=("senior-developers",))},
        "pass",
        agreed=True,
    ),
    Row(
        "a requester outside the group",
        {"repository_policy.rules.0.when": When(requester=("risk-managers",))},
        "fail",
        "No rule",
    ),
    Row(
        "a requester whose group cannot be read",
        {"repository_policy.rules.0.when": When(requester=("risk-managers",)), "groups.1.problem": "404"},
        "wait",
        "whether the requester belongs to risk-managers",
    ),
    Row(
        "a group that no policy defines",
        {"repository_policy.rules.0.when": When(requester=("nobody-knows",))},
        "wait",
        "whether the requester belongs to nobody-knows",
    ),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_rules_apply_by_their_conditions(row: Row) -> None:
    hold(row, "rule")


def test_a_rule_that_may_apply_adds_its_demands() -> None:
    policies, snapshot = altered({"repository_policy.rules": (RULE, MAYBE)})
    assert [seat.count for seat in rule_of(policies, snapshot).seats] == [2, 1]
    told = alter(snapshot, pull=alter(snapshot.pull, labels=()))
    assert [seat.count for seat in rule_of(policies, told).seats] == [1, 1]


def test_the_groups_that_conditions_name_are_found_wherever_they_stand() -> None:
    inner = When(all=(When(requester=("b",)),), any=(When(requester=("c", "a")),), not_=When(requester=("d",)))
    rules = (Rule("r", When(requester=("e",), all=(inner,))), Rule("s"))
    assert named_groups(rules) == ("a", "b", "c", "d", "e")
    policies = alter(POLICIES, tenant=alter(POLICIES.tenant, rules=rules, groups={"a": Group()}))  # type: ignore[type-var]
    assert condition_groups(policies) == ("a", "b", "c", "d", "e")
