"""Emergency changes: what lets a deployment go through a freeze that makes room for them."""

from __future__ import annotations

import msgspec

from gates.case import Case
from gates.change import troubles
from gates.terms import EffectiveRule
from gates.window import beginnings
from manifests.policy_terms import ChangeRule


def approved_emergency(case: Case) -> tuple[str, str, tuple[int, ...]]:
    """The number of the emergency change that is approved and under way, or empty with the reason why there is none,
    and the instants at which the clock alone can change that.

    It is judged like any change request, by the rows of its approvers and with the terms of the rule, even where the
    rule does not list the gate.
    """
    facts = case.snapshot.change
    if facts is None or not facts.number:
        return "", "there is no change request", ()
    if facts.problem:
        return "", f"the change request {facts.number} cannot be relied on: {facts.problem.rstrip('.')}", ()
    found = troubles(facts, _terms(case), case.snapshot)
    moments = beginnings(case.snapshot.at, facts.start, facts.end)
    return ("", found[0].summary.rstrip("."), moments) if found else (facts.number, "", moments)


def _terms(case: Case) -> ChangeRule:
    given = case.rule.change if isinstance(case.rule, EffectiveRule) and case.rule.change else ChangeRule()
    return msgspec.structs.replace(given, type="emergency", approvals=max(given.approvals, 1))
