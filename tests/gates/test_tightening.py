"""Merging the terms of the second form: demands add up, and what loosens exists only where every rule has it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.terms import EffectiveRule, WindowTerms
from manifests.policy import Group, Policy, Rule, Seat, TrustedSigner
from manifests.policy_terms import (
    BreakGlassRule,
    Comparison,
    DeadlineRule,
    DelegationRule,
    FindingsRule,
    KeepRule,
    Recurrence,
    RequiredCheck,
    Requirement,
)
from tests.gates.arbitrary import patient
from tests.gates.builders import POLICIES, SNAPSHOT, TENANT, alter, rule_of

GROUPS = dict.fromkeys(("a", "b", "c", "d"), Group(github_team="acme/x"))
KEY = TrustedSigner("SHA256:1", "one")
RATE = Comparison("rate", "number", "<=", ("1",))
AGE = Comparison("made", "age", "<", ("60",))
FINDINGS, WORSE = FindingsRule("high", ("sbom",), "b"), FindingsRule("low", ("sbom",), None, 60)
NIGHT, DAY = Recurrence("FREQ=DAILY", "2026-01-01T18:00:00", 60), Recurrence("FREQ=DAILY", "2026-01-01T08:00:00", 60)
SEAT = (Seat("a"),)


def merged(*tenant: dict[str, Any], repository: dict[str, Any] | None = None) -> EffectiveRule:
    rules = tuple(Rule(f"t{number}", **{"seats": SEAT, **terms}) for number, terms in enumerate(tenant))
    below = (Rule("r", **{"seats": SEAT, **repository}),) if repository is not None else ()
    policies = alter(
        POLICIES,
        tenant=alter(TENANT, rules=rules, groups=GROUPS, trust={"sbom": (KEY,)}),
        repository=Policy("s", rules=below),
    )
    return rule_of(policies, SNAPSHOT)


DEMANDS: tuple[tuple[dict[str, Any], dict[str, Any], str, Any], ...] = (
    ({"veto": ("c", "b")}, {"veto": ("b",)}, "veto", ("b", "c")),
    ({"exclude": ("reporting-line",)}, {}, "exclude", ("reporting-line",)),
    ({"requirements": (Requirement("sbom", (RATE,)),)}, {"requirements": (Requirement("sbom", (AGE, RATE)),)},
     "requirements", (Requirement("sbom", (AGE, RATE)),)),
    ({"requirements": (Requirement("sbom", (RATE,)),)}, {"requirements": (Requirement("vex", (AGE,)),)},
     "requirements", (Requirement("sbom", (RATE,)), Requirement("vex", (AGE,)))),
    ({"requirements": (Requirement("vex", (AGE,)),)}, {"evidence": ("sbom",)}, "evidence", ("sbom", "vex")),
    ({"required_checks": (RequiredCheck("ci", "x"),)}, {"required_checks": (RequiredCheck("ci", "any"),)},
     "required_checks", (RequiredCheck("ci", "any"), RequiredCheck("ci", "x"))),
    ({"findings": FINDINGS}, {"findings": WORSE}, "findings", (FINDINGS, WORSE)),
    ({"findings": FINDINGS}, {"findings": FINDINGS}, "findings", (FINDINGS,)),
    ({"review_time": 60}, {"review_time": 120}, "review_time", 120),
    ({"review_time": 60}, {}, "review_time", 60),
    ({"deadline": DeadlineRule(60, (10, 5), ("b",))}, {"deadline": DeadlineRule(30, (5, 7), ("a",))},
     "deadline", DeadlineRule(30, (5, 7, 10), ("a", "b"))),
    ({"deadline": DeadlineRule(60)}, {}, "deadline", DeadlineRule(60)),
    ({"keep": KeepRule(("x", "y"))}, {"keep": KeepRule(("y", "z"))}, "keep", KeepRule(("x", "y", "z"))),
    ({"keep": KeepRule()}, {"keep": KeepRule()}, "keep", KeepRule()),
    ({"keep": KeepRule()}, {}, "keep", None),
    ({"delegation": DelegationRule(60)}, {"delegation": DelegationRule(30)}, "delegation", DelegationRule(30)),
    ({"delegation": DelegationRule(60)}, {}, "delegation", None),
    ({"break_glass": BreakGlassRule(("c", "b", "a"), "a", 2, 60, 90)},
     {"break_glass": BreakGlassRule(("a", "c"), "a", 3, 90, 60)},
     "break_glass", BreakGlassRule(("a", "c"), "a", 3, 60, 60)),
    ({"break_glass": BreakGlassRule(("b", "c"), "a", 2)}, {"break_glass": BreakGlassRule(("c",), "a", 2)},
     "break_glass", None),
    ({"break_glass": BreakGlassRule(("b",), "a")}, {"break_glass": BreakGlassRule(("c",), "a")}, "break_glass", None),
    ({"break_glass": BreakGlassRule(("b",), "a")}, {"break_glass": BreakGlassRule(("b",), "c")}, "break_glass", None),
    ({"break_glass": BreakGlassRule(("b",), "a")}, {}, "break_glass", None),
)  # fmt: skip


@pytest.mark.parametrize(("one", "other", "term", "both"), DEMANDS)
def test_the_terms_of_two_rules_are_merged(one: Any, other: Any, term: str, both: Any) -> None:
    assert getattr(merged(one, other), term) == both
    assert getattr(merged(other, one), term) == both
    assert getattr(merged(one, repository=other), term) == both


def test_of_each_rule_that_has_windows_one_has_to_be_open() -> None:
    found = merged({"windows": (NIGHT, DAY, NIGHT)}, {}, repository={"windows": (NIGHT,)}).windows
    assert found == (WindowTerms("repository/r", (NIGHT,)), WindowTerms("tenant/t0", (DAY, NIGHT)))


def test_a_seat_shows_all_that_any_rule_wants_to_be_shown() -> None:
    one, other = {"seats": (Seat("a", shown=("sbom", "lineage")),)}, {"seats": (Seat("a", shown=("vex", "sbom")),)}
    assert merged(one, other).seats[0].shown == ("lineage", "sbom", "vex")
    assert merged({"seats": (*one["seats"], *other["seats"])}).seats[0].shown == ("lineage", "sbom", "vex")


@pytest.mark.parametrize(
    ("terms", "gate"),
    [
        ({"requirements": (Requirement("sbom", (RATE,)),)}, "evidence"),
        ({"findings": FINDINGS}, "findings"),
        ({"required_checks": (RequiredCheck("ci", "any"),)}, "required_checks"),
    ],
)
def test_naming_what_a_gate_looks_at_asks_for_the_gate(terms: dict[str, Any], gate: str) -> None:
    assert gate in merged({"gates": (), **terms}).gates
    assert gate not in merged({"gates": ()}).gates


def test_the_signers_of_what_is_looked_through_for_findings_are_trusted_as_for_evidence() -> None:
    assert merged({"findings": FINDINGS}).signers("sbom") == (KEY,)
    assert merged({"requirements": (Requirement("sbom", (RATE,)),)}).signers("sbom") == (KEY,)


def test_a_rule_that_uses_nothing_new_has_the_digest_it_always_had() -> None:
    assert rule_of(POLICIES, SNAPSHOT).digest == "b56e79058654a80df9cbd662ed0d0df5c92c8a64eecbf4a303e2022836dc9b1b"


_TERMS = st.fixed_dictionaries(
    {},
    optional={
        "veto": st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
        "exclude": st.just(("reporting-line",)),
        "requirements": st.sampled_from([(), (Requirement("sbom", (RATE,)),), (Requirement("sbom", (AGE,)),)]),
        "required_checks": st.sampled_from([(), (RequiredCheck("ci", "any"),)]),
        "findings": st.sampled_from([FINDINGS, WORSE]),
        "review_time": st.integers(0, 9),
        "deadline": st.builds(DeadlineRule, st.integers(1, 9)),
        "windows": st.sampled_from([(), (NIGHT,), (DAY, NIGHT)]),
        "keep": st.sampled_from([None, KeepRule(), KeepRule(("x",))]),
        "delegation": st.builds(DelegationRule, st.integers(1, 9)),
        "break_glass": st.builds(
            BreakGlassRule,
            st.lists(st.sampled_from("abcd"), min_size=1, unique=True).map(tuple),
            st.sampled_from("ab"),
            st.integers(2, 3),
            st.integers(1, 9),
            st.integers(1, 9),
        ),
    },
)


@patient
@given(st.lists(_TERMS, min_size=1, max_size=3), _TERMS)
def test_one_more_rule_never_asks_for_less(rules: list[dict[str, Any]], more: dict[str, Any]) -> None:
    before, after = merged(*rules), merged(*rules, more)
    for name in ("veto", "exclude", "required_checks", "findings", "gates", "evidence", "windows"):
        assert set(getattr(before, name)) <= set(getattr(after, name)), name
    compared = {one.type: set(one.comparisons) for one in after.requirements}
    assert all(set(one.comparisons) <= compared[one.type] for one in before.requirements)
    assert before.review_time <= after.review_time
    assert before.deadline is None or (after.deadline is not None and after.deadline.within <= before.deadline.within)
    assert_no_looser(before, after)


def assert_no_looser(before: EffectiveRule, after: EffectiveRule) -> None:
    if after.keep is not None:
        assert before.keep is not None
        assert set(before.keep.unless_changed) <= set(after.keep.unless_changed)
    if after.delegation is not None:
        assert before.delegation is not None
        assert after.delegation.longest <= before.delegation.longest
    if after.break_glass is not None:
        one, other = before.break_glass, after.break_glass
        assert one is not None
        assert set(other.groups) <= set(one.groups)
        assert other.review_by == one.review_by
        assert other.count >= one.count
        assert (other.valid, other.review_within) <= (one.valid, max(one.review_within, other.review_within))
        assert other.review_within <= one.review_within
        # Whoever has to be asked for each of the groups still has to be.
        assert set(one.groups) == set(other.groups) or one.count < len(one.groups)


@patient
@given(st.lists(_TERMS, min_size=1, max_size=4), st.randoms())
def test_the_order_of_rules_changes_nothing_but_their_names(rules: list[dict[str, Any]], chance: Any) -> None:
    named = [{**terms, "name": f"n{number}"} for number, terms in enumerate(rules)]
    shuffled = chance.sample(named, len(named))

    def found(terms: list[dict[str, Any]]) -> str:
        layers = tuple(Rule(**{"seats": SEAT, **term}) for term in terms)
        policies = alter(POLICIES, tenant=alter(TENANT, rules=layers, groups=GROUPS), repository=Policy("s"))
        return rule_of(policies, SNAPSHOT).digest

    assert found(named) == found(shuffled)
