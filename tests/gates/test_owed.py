"""Reviews that are owed for a broken glass, deadlines for approvals, and how fresh all new facts have to be."""

from __future__ import annotations

from typing import Any

import pytest

from gates.deadline import deadline
from gates.decide import judge
from gates.freshness import freshness
from gates.model import (
    CheckFacts,
    ChecksFacts,
    FindingException,
    GroupFacts,
    Question,
    ReportingFacts,
    Retrospective,
    Unanchored,
)
from gates.retrospective import retrospective
from gates.terms import GroupTerms
from manifests.policy import Freeze, Group
from manifests.policy_terms import BreakGlassRule, DeadlineRule, FindingsRule, RequiredCheck
from tests.gates.asking import ask, case, hold, said
from tests.gates.builders import (
    CAROL,
    DAY,
    HEAD,
    HOUR,
    NOW,
    POLICIES,
    RISK,
    SECOND,
    SENIORS,
    SNAPSHOT,
    alter,
    consent,
    rule_of,
)

GLASS = BreakGlassRule(("oncall",), "auditors")
LATE = Retrospective(("g1",), "releases/x/release.yaml of #3", "production", NOW)
DUE = Retrospective(("g2",), "releases/y/release.yaml of #4", "production", NOW + DAY)


@pytest.mark.parametrize(
    ("owed", "status", "says", "changes_at"),
    [
        ((LATE,), "fail", "broken for releases/x/release.yaml of #3 in production, and its review is overdue", ()),
        ((LATE,), "fail", "Let somebody from auditors, who neither broke it", ()),
        ((DUE,), "pass", "countersign review-glass: the glass broken for releases/y", (DUE.due_at,)),
        ((DUE, LATE), "fail", "overdue since 2026-11-20 18:00 UTC", (DUE.due_at,)),
        ((alter(LATE, own=True),), "fail", "this release (releases/x/release.yaml of #3)", ()),
        ((alter(LATE, due_at=NOW + 1),), "pass", "", (NOW + 1,)),
    ],
)
def test_a_review_that_is_overdue_fails(owed: Any, status: str, says: str, changes_at: tuple[int, ...]) -> None:
    finding = ask(retrospective, {"break_glass": GLASS}, {"retrospectives": owed})
    hold(finding, status, says)
    assert finding.changes_at == changes_at


def test_a_review_is_owed_where_the_rule_has_no_glass_too() -> None:
    hold(ask(retrospective, {}, {"retrospectives": (LATE,)}), "fail", "the reviewers that its rule names")


@pytest.mark.parametrize("question", ["merge", "deploy"])
def test_an_overdue_review_denies_every_release(question: Question) -> None:
    verdict = judge(case({}, {"retrospectives": (LATE,)}, question))
    assert (verdict.outcome, verdict.failing()) == ("deny", ("retrospective",))
    assert judge(case({}, {"retrospectives": (DUE,)}, question)).outcome == "allow"


RULE = DeadlineRule(4 * 3600, remind=(3600, 7200, 18_000), escalate=("leads", "heads"))


@pytest.mark.parametrize(
    ("since", "status", "says", "changes_at"),
    [
        (NOW - HOUR, "pass", "expected by 2026-11-20 21:00 UTC. heads and leads will be told when that has passed.",
         (NOW + HOUR, NOW + 3 * HOUR, NOW + 4 * HOUR)),
        (NOW - 4 * HOUR, "wait", "overdue since 2026-11-20 18:00 UTC", (NOW + HOUR,)),
        (NOW - DAY, "wait", "heads and leads have been told", ()),
        (0, "wait", "It is not known since when this head is there", ()),
    ],
)  # fmt: skip
def test_a_deadline_says_when_and_who(since: int, status: str, says: str, changes_at: tuple[int, ...]) -> None:
    finding = ask(deadline, {"deadline": RULE}, {"release.head_since": since})
    hold(finding, status, says)
    assert finding.changes_at == changes_at


@pytest.mark.parametrize("since", [0, NOW - HOUR, NOW - DAY])
@pytest.mark.parametrize("consents", [(), (consent(CAROL, "risk-managers"),)])
def test_a_deadline_decides_nothing(since: int, consents: Any) -> None:
    changes = {"release.head_since": since, "consents": consents}
    without, verdict = judge(case({}, changes, "merge")), judge(case({"deadline": RULE}, changes, "merge"))
    assert verdict.outcome == without.outcome == "wait"
    assert "deadline" in {result.name for result in verdict.results}


def test_a_deadline_is_silent_when_everybody_approved() -> None:
    verdict = judge(case({"deadline": RULE}, {"release.head_since": NOW - DAY}))
    assert verdict.outcome == "allow"
    assert "deadline" not in {result.name for result in verdict.results}


def test_a_decision_is_looked_at_again_when_somebody_is_to_be_reminded() -> None:
    verdict = judge(case({"deadline": RULE}, {"release.head_since": NOW - HOUR, "consents": ()}, "merge"))
    assert verdict.recheck_at == NOW + HOUR


OLD = NOW - 61 * SECOND
GREEN = ChecksFacts((CheckFacts("build", "ci", HEAD, "success"),), OLD)
CHECKED = {"required_checks": (RequiredCheck("build", "ci"),)}
SCANNED = {"findings": (FindingsRule("high", ("scan",), "security"),)}
BROKEN = consent(CAROL, "oncall", id="glass", decision="break-glass", incident="INC1", reason="x")
EMERGENCY = {"tenant_policy.freezes": (Freeze("f", 0, 1, emergency=True),), "change.seen_at": OLD}
UNLISTED = {"gates": ("artifacts",)}


def with_group(name: str, definition: Group | None = None, **more: Group) -> tuple[GroupTerms, ...]:
    given = {name: definition or Group(github_team=f"acme/{name}"), **more}
    return (*rule_of(POLICIES, SNAPSHOT).groups, *(GroupTerms(*item) for item in given.items()))


def old_group(name: str) -> dict[str, Any]:
    return {"groups": (SENIORS, RISK, GroupFacts(name, (), OLD))}


MADE = Group(any_of=("inner",))
FRESH: tuple[tuple[str, dict[str, Any], dict[str, Any], str, str], ...] = (
    ("old checks that are asked for", CHECKED, {"checks": GREEN}, "wait", "the checks at the head (GitHub)"),
    ("old checks that nobody asks for", {}, {"checks": GREEN}, "pass", ""),
    ("checks from the future", CHECKED, {"checks": alter(GREEN, seen_at=NOW + HOUR)}, "error", "yet the checks"),
    ("old reporting lines", {"exclude": ("reporting-line",)}, {"reporting": ReportingFacts((), OLD)}, "wait", "lines"),
    ("reporting lines that nobody asks for", {}, {"reporting": ReportingFacts((), OLD)}, "pass", ""),
    ("an old group of exceptions", {**SCANNED, "groups": with_group("security")}, old_group("security"), "wait",
     "the group security"),
    ("an old group that nobody asks for", {"groups": with_group("security")}, old_group("security"), "pass", ""),
    ("an old part of a group", {**SCANNED, "groups": with_group("security", MADE, inner=Group(github_org="a"))},
     old_group("inner"), "wait", "the group inner"),
    ("an old group of the glass", {"break_glass": GLASS, "groups": with_group("oncall")},
     {**old_group("oncall"), "consents": lambda old: (*old, BROKEN)}, "wait", "the group oncall"),
    ("a glass that nobody breaks", {"break_glass": GLASS, "groups": with_group("oncall")}, old_group("oncall"), "pass",
     ""),
    ("an old change that may be an emergency", UNLISTED, EMERGENCY, "wait", "the change request (ServiceNow)"),
    ("an old change that nobody asks for", UNLISTED, {"change.seen_at": OLD}, "pass", ""),
)  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "changes", "status", "says"), [row[1:] for row in FRESH], ids=[row[0] for row in FRESH]
)
def test_freshness_of_what_is_asked_for(terms: Any, changes: Any, status: str, says: str) -> None:
    hold(ask(freshness, terms, changes), status, says)


GRANTED = (
    consent(CAROL, "x", id="g", decision="except", exception=FindingException("scan", "CVE", "c")),
    consent(CAROL, "x", id="g", decision="delegate"),
    BROKEN,
)


@pytest.mark.parametrize("grant", GRANTED, ids=lambda grant: grant.decision)
def test_whatever_lets_through_has_to_be_anchored(grant: Any) -> None:
    changes = {
        "tenant_policy.anchored": ("production",),
        "log.unanchored": (Unanchored(grant.id, NOW - SECOND),),
        "consents": lambda old: (*old, grant),
    }
    verdict = judge(case({}, changes))
    assert verdict.failing() == ("anchored",)
    assert "1 grant is not anchored" in said(verdict.results)
