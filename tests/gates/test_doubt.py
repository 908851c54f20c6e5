"""Doubt never helps: each fact that the second form of the policy asks for, gone, aged, or not what it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.decide import decide
from gates.model import Policies, Snapshot
from tests.gates.arbitrary import nearly, patient
from tests.gates.asking import said
from tests.gates.builders import HOUR, NOW, alter
from tests.gates.rich import MONTH_END, NIGHTS, rich
from tests.gates.tables import assert_explained, put
from tests.gates.test_decide import shuffled

ON = (NOW - HOUR, NOW + HOUR)

DOUBTS: tuple[tuple[str, str, Any, str], ...] = (
    ("a field gone", "evidence.0.fields", lambda old: old[1:], "evidence"),
    ("a field twice", "evidence.0.fields", lambda old: (*old, alter(old[0], text="0.1 %")), "evidence"),
    ("a field unreadable", "evidence.0.fields.0.text", "about half a percent", "evidence"),
    ("a field of another kind", "evidence.0.fields.0.kind", "null", "evidence"),
    ("a field without unit", "evidence.0.fields.0.text", "0.004", "evidence"),
    ("a report too old", "evidence.0.fields.1.text", "2026-11-19T12:00:00Z", "evidence"),
    ("a report from the future", "evidence.0.fields.1.text", "2026-11-21T12:00:00Z", "evidence"),
    ("a list of something else", "evidence.0.fields.2.text", "[null]", "evidence"),
    ("findings not listed", "evidence.0.findings", None, "findings"),
    ("a severity that is not known", "evidence.0.findings.1.severity", "curious", "findings"),
    ("an exception void", "consents.2.void", "taken back", "findings"),
    ("an exception altered", "consents.2.difference", "x", "approvals"),
    ("an exception for something else", "consents.2.artifacts", (), "findings"),
    ("an exception without control", "consents.2.exception.control", "", "findings"),
    ("an exception signed too weakly", "consents.2.strength", "attested", "findings"),
    ("a group unreadable", "groups.2.problem", "502", "findings"),
    ("a group gone", "groups", lambda old: old[:2], "findings"),
    ("a group stale", "groups.2.seen_at", 0, "freshness"),
    ("checks not read", "checks", None, "required_checks"),
    ("checks unreadable", "checks.problem", "502", "required_checks"),
    ("checks stale", "checks.seen_at", 0, "freshness"),
    ("a check gone", "checks.checks", lambda old: old[1:], "required_checks"),
    ("a check of another head", "checks.checks.0.sha", "0" * 40, "required_checks"),
    ("a check of another App", "checks.checks.0.app", "eve", "required_checks"),
    ("a check under way", "checks.checks.1.conclusion", "", "required_checks"),
    ("no calendar", "calendar", (), "windows"),
    ("a window unknown", "calendar.0.problem", "no such zone", "windows"),
    ("a window gone", "calendar.0.spans", (), "windows"),
    ("a freeze unknown", "calendar.1.problem", "no such zone", "freeze"),
    ("a freeze gone", "calendar", lambda old: old[:1], "freeze"),
    ("a freeze begun", "calendar.1.spans", (ON,), "freeze"),
    ("a freeze looked up too early", "calendar.1.until", 0, "freeze"),
    ("a head of unknown age", "release.head_since", 0, "review_time"),
    ("reporting lines not read", "reporting", None, "approvals"),
    ("reporting lines unreadable", "reporting.problem", "502", "approvals"),
    ("reporting lines stale", "reporting.seen_at", 0, "freshness"),
    ("a review overdue", "retrospectives.0.due_at", 0, "retrospective"),
)


def doubted(case: tuple[Policies, Snapshot]) -> Iterator[tuple[Policies, Snapshot]]:
    """The case with one of the doubts, where the place is there."""
    policies, snapshot = case
    for _, path, value, _ in DOUBTS:
        try:
            yield policies, put(snapshot, path.split("."), value)
        except (IndexError, AttributeError, TypeError):
            continue


def test_the_case_that_asks_for_everything_is_allowed() -> None:
    verdict = decide(*rich())
    assert verdict.outcome == "allow", said(verdict.results)
    assert [result.name for result in verdict.results] == [
        "release", "rule", "approvals", "holds", "artifacts", "lineage", "rationale", "evidence", "change",
        "required_checks", "findings", "review_time", "windows", "deployment", "freeze", "retrospective", "freshness",
    ]  # fmt: skip
    assert {NIGHTS, MONTH_END} == {known.recurrence for known in rich()[1].calendar}


@pytest.mark.parametrize(("path", "value", "gate"), [row[1:] for row in DOUBTS], ids=[row[0] for row in DOUBTS])
def test_each_doubt_takes_the_answer_back(path: str, value: Any, gate: str) -> None:
    policies, snapshot = rich()
    verdict = decide(policies, put(snapshot, path.split("."), value))
    assert verdict.outcome != "allow"
    assert gate in verdict.failing(), said(verdict.results)
    assert_explained(verdict)


@patient
@given(nearly(*rich()))
def test_doubt_never_helps(case: tuple[Policies, Snapshot]) -> None:
    if decide(*case).outcome == "allow":
        return
    for other in doubted(case):
        assert decide(*other).outcome != "allow"


@patient
@given(nearly(*rich()))
def test_whatever_is_altered_gets_an_explained_verdict(case: tuple[Policies, Snapshot]) -> None:
    verdict = decide(*case)
    assert not any("broke (" in result.summary for result in verdict.results)
    assert_explained(verdict)


@patient
@given(nearly(*rich()), st.randoms())
def test_the_order_of_facts_does_not_matter(case: tuple[Policies, Snapshot], chance: random.Random) -> None:
    policies, snapshot = case
    calendar = alter(snapshot, calendar=())
    one = decide(policies, calendar)
    other = decide(shuffled(policies, chance), shuffled(calendar, chance))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


def test_an_answer_that_waits_for_time_is_looked_at_again() -> None:
    policies, snapshot = rich()
    assert decide(policies, snapshot).recheck_at == NOW + HOUR
    aged = put(snapshot, ["evidence", "0", "fields", "1", "text"], "2026-11-19T18:30:00Z")
    assert decide(policies, aged).recheck_at == NOW + HOUR // 2
