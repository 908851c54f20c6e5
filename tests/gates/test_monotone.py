"""More consent never helps less, stricter policies never help more, and saying a thing twice changes nothing.

Held for whole decisions, over cases that use everything that a policy can say, each altered in a few places.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.decide import decide
from gates.model import Consent, Policies, Result, Snapshot, Verdict
from gates.rule import applying_rule
from manifests.policy import Freeze, Group, Policy, Rule, Seat, TenantPolicy, When
from manifests.policy_terms import (
    Comparison,
    DeadlineRule,
    FindingsRule,
    Recurrence,
    RequiredCheck,
    Requirement,
)
from tests.gates.arbitrary import nearly, patient
from tests.gates.broken import passing_broken
from tests.gates.builders import HOUR, NOW, alter, passing
from tests.gates.full import passing_full
from tests.gates.rich import rich
from tests.gates.worlds import acting_worlds, worlds

Case = tuple[Policies, Snapshot]

GRANTS = ("approve", "delegate", "except", "break-glass", "review")
CASES = {"plain": passing, "full": passing_full, "rich": rich, "broken": passing_broken}
altered = st.one_of(*(nearly(*make()) for make in CASES.values()), worlds(), acting_worlds())


def allowed(policies: Policies, snapshot: Snapshot) -> bool:
    return decide(policies, snapshot).outcome == "allow"


def without(snapshot: Snapshot) -> Iterator[tuple[Consent, Snapshot]]:
    """Each thing that somebody granted, and the facts without it. What differs from its record denies by being."""
    for at, consent in enumerate(snapshot.consents):
        if consent.decision in GRANTS and not consent.difference:
            yield consent, alter(snapshot, consents=snapshot.consents[:at] + snapshot.consents[at + 1 :])


@patient
@given(altered)
def test_one_grant_more_never_takes_an_allow_away_and_one_less_never_makes_one(case: Case) -> None:
    policies, snapshot = case
    if not allowed(policies, snapshot):
        for consent, less in without(snapshot):
            assert not allowed(policies, less), consent


@pytest.mark.parametrize("name", CASES)
def test_every_grant_of_the_cases_is_needed(name: str) -> None:
    policies, snapshot = CASES[name]()
    assert [consent.id for consent, less in without(snapshot) if allowed(policies, less)] == []


def statuses(verdict: Verdict) -> tuple[Any, ...]:
    def of(result: Result) -> tuple[Any, ...]:
        return result.name, result.status, frozenset(map(of, result.children))

    return verdict.outcome, verdict.persons, verdict.recheck_at, tuple(map(of, verdict.results))


@patient
@given(altered, st.data())
def test_what_is_seen_twice_counts_once(case: Case, data: st.DataObject) -> None:
    policies, snapshot = case
    twice = data.draw(st.permutations([*snapshot.consents, *snapshot.consents]))
    checks = snapshot.checks
    again = alter(
        snapshot,
        consents=tuple(twice),
        groups=tuple(alter(group, members=(*group.members, *group.members)) for group in snapshot.groups),
        contributors=alter(snapshot.contributors, known=(*snapshot.contributors.known, *snapshot.contributors.known)),
        checks=alter(checks, checks=(*checks.checks, *checks.checks)) if checks is not None else None,
        pushes=(*snapshot.pushes, *snapshot.pushes),
    )
    assert statuses(decide(policies, again)) == statuses(decide(policies, snapshot))


# Tightening

_NEVER = Recurrence("FREQ=DAILY", "2026-01-01T17:00:00", 7200)
_WORD = Comparison("rate", "number", "<=", ("0.5 %",))


def _rules(policy: Any, **terms: Any) -> Any:
    """The first rule of the policy with these terms; a function makes them of the old ones."""
    first, *rest = policy.rules
    made = {name: value(getattr(first, name)) if callable(value) else value for name, value in terms.items()}
    return alter(policy, rules=(alter(first, **made), *rest))


def _seat(old: tuple[Seat, ...], **fields: Any) -> tuple[Seat, ...]:
    return (alter(old[0], **fields), *old[1:]) if old else old


RULES: dict[str, dict[str, Any]] = {
    "a seat more": {"seats": lambda old: (*old, Seat("risk-managers"))},
    "a greater count": {"seats": lambda old: _seat(old, count=old[0].count + 1) if old else old},
    "a stronger signature": {"seats": lambda old: _seat(old, signature="passkey")},
    "fewer ways": {"seats": lambda old: _seat(old, accept=("cli",)) if old and "cli" in old[0].accept else old},
    "documents to be shown": {"seats": lambda old: _seat(old, shown=("lineage", *(old[0].shown if old else ())))},
    "a veto": {"veto": lambda old: (*old, "risk-managers")},
    "an exclusion": {"exclude": ("reporting-line",)},
    "a check": {"required_checks": lambda old: (*old, RequiredCheck("lint", "any"))},
    "a comparison": {"requirements": lambda old: (*old, Requirement("test-result", (_WORD,)))},
    "findings": {"findings": FindingsRule("low", ("test-result",), None)},
    "evidence": {"evidence": lambda old: (*old, "bias-report")},
    "gates": {"gates": ("artifacts", "lineage", "rationale", "evidence", "change", "freeze", "findings")},
    "a review time": {"review_time": lambda old: old + 3600},
    "a deadline": {"deadline": DeadlineRule(60)},
    "a window": {"windows": lambda old: old or (_NEVER,)},
    "a shorter life": {"expires": lambda old: min(old, 3600)},
    "no kept approvals": {"keep": None},
    "no delegation": {"delegation": None},
    "no glass": {"break_glass": None},
}
MORE = {
    "a rule with a seat": Rule("more", seats=(Seat("risk-managers"),)),
    "a rule of two": Rule("more", seats=(Seat("senior-developers", 2, "attested"),)),
    "a rule for all that is labelled": Rule("more", When(labels=("model",)), (Seat("risk-managers"),)),
    "a rule for whoever asks": Rule("more", When(requester=("senior-developers",)), (Seat("risk-managers", 2),)),
    "a rule that lists gates": Rule("more", seats=(Seat("risk-managers"),), gates=("change", "lineage")),
}  # fmt: skip


def tightened(policies: Policies) -> Iterator[tuple[str, Policies]]:
    """The policies, each time stricter by one thing, in the repository or over it."""
    tenant, repository = policies.tenant, policies.repository
    if tenant is None or repository is None or not repository.rules:
        return
    for name, terms in RULES.items():
        yield name, alter(policies, repository=_rules(repository, **terms))
    for name, rule in MORE.items():
        yield name, alter(policies, repository=alter(repository, rules=(*repository.rules, rule)))
        yield f"{name}, over all", alter(policies, tenant=_over(tenant, repository, rule))
    freeze = Freeze("now", NOW - HOUR, NOW + HOUR)
    yield "a freeze", alter(policies, repository=alter(repository, freezes=(*repository.freezes, freeze)))
    yield "a freeze over all", alter(policies, tenant=alter(tenant, freezes=(*tenant.freezes, freeze)))
    yield "nobody trusted", alter(policies, repository=alter(repository, trust={}))
    yield "older memberships", alter(policies, tenant=_aged(tenant, 365 * 86_400))
    yield "fresher facts", alter(policies, tenant=alter(tenant, freshness=0))
    yield "no base branch", alter(policies, tenant=alter(tenant, base_refs=()))
    yield "anchored", alter(policies, tenant=alter(tenant, anchored=("production",)))
    yield "uncounted", alter(policies, unreleased="It counts for nothing.")


def _over(tenant: TenantPolicy, repository: Policy, rule: Rule) -> TenantPolicy:
    groups: dict[str, Group] = {**repository.groups, **tenant.groups}
    return alter(tenant, rules=(*tenant.rules, rule), groups=groups)


def _aged(tenant: TenantPolicy, age: int) -> TenantPolicy:
    return alter(tenant, people=alter(tenant.people, membership_age=max(age, tenant.people.membership_age)))


def agreed(policies: Policies, snapshot: Snapshot, stricter: Policies) -> Snapshot:
    """The same facts, the consents given under the stricter rule where they were given under the other, and under
    neither of them else: what was once agreed to under the stricter one is another story."""
    old, new = applying_rule(policies, snapshot).digest, applying_rule(stricter, snapshot).digest
    given = {new: "another rule", old: new}
    consents = tuple(
        alter(consent, effective_rule=given.get(consent.effective_rule, consent.effective_rule))
        for consent in snapshot.consents
    )
    return alter(snapshot, consents=consents)


@patient
@given(altered)
def test_a_stricter_policy_never_makes_an_allow(case: Case) -> None:
    policies, snapshot = case
    if allowed(policies, snapshot):
        return
    for name, stricter in tightened(policies):
        try:
            facts = agreed(policies, snapshot, stricter)
        except Exception:  # rules that cannot be merged are denied by the decision
            facts = snapshot
        assert not allowed(stricter, facts), name


@pytest.mark.parametrize("name", CASES)
def test_a_stricter_policy_is_felt(name: str) -> None:
    """Almost each of them takes the allow of some case away, so that the property above is about something."""
    policies, snapshot = CASES[name]()
    felt = {
        how
        for how, stricter in tightened(policies)
        if not allowed(stricter, agreed(policies, snapshot, stricter))
    }  # fmt: skip
    assert len(felt) >= 15, sorted(felt)
