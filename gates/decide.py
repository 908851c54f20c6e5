"""The decision: every gate that the rule lists, and those that no rule can leave out."""

from __future__ import annotations

from collections.abc import Callable

from gates.anchored import anchored
from gates.anchored import is_required as is_anchored_asked
from gates.approvals import approvals
from gates.artifacts import artifacts
from gates.break_glass import NAME as GLASS
from gates.break_glass import break_glass
from gates.break_glass import is_asked as is_glass_asked
from gates.case import Case, Finding, Gate, holds
from gates.change import change
from gates.deadline import deadline
from gates.deadline import is_asked as is_deadline_asked
from gates.deployment import deployment
from gates.evidence import evidence
from gates.findings import findings
from gates.freeze import freeze
from gates.freshness import freshness
from gates.holds import holds as no_holds
from gates.lineage import lineage
from gates.model import Outcome, Policies, Result, Snapshot, Verdict
from gates.proposal import no_release, release
from gates.rationale import rationale
from gates.required_checks import required_checks
from gates.retrospective import is_asked as is_retrospective_asked
from gates.retrospective import retrospective
from gates.review_time import is_asked as is_review_time_asked
from gates.review_time import review_time
from gates.rule import applying_rule, rule
from gates.terms import EffectiveRule, NoRule
from gates.waiving import needs_waiving, unused, waive
from gates.windows import is_asked as are_windows_asked
from gates.windows import windows
from manifests.errors import Problem
from manifests.policy import GATE_NAMES, GateName

_ALWAYS: tuple[tuple[str, Gate], ...] = (
    ("release", release),
    ("rule", rule),
    ("approvals", approvals),
    ("holds", no_holds),
)
_LISTED: dict[GateName, Gate] = {
    "artifacts": artifacts,
    "lineage": lineage,
    "rationale": rationale,
    "evidence": evidence,
    "change": change,
    "freeze": freeze,
    "required_checks": required_checks,
    "findings": findings,
}
_WHERE_ASKED: tuple[tuple[str, Gate, Callable[[Case], bool]], ...] = (
    ("review_time", review_time, is_review_time_asked),
    ("windows", windows, are_windows_asked),
)
_AT_DEPLOY: tuple[tuple[str, Gate], ...] = (("deployment", deployment), ("freeze", freeze))


def decide(policies: Policies, snapshot: Snapshot) -> Verdict:
    """Answer the snapshot's question. Total and deterministic: the same facts, in any order, give the same
    verdict, and a gate that breaks denies.

    Allow needs every gate to hold and at least one person who had no hand in the release: those who fill the seats,
    or those who broke the glass. A failing or broken gate denies; otherwise something is only missing, and the answer
    is to wait.
    """
    return judge(Case(policies, snapshot, _rule(policies, snapshot)))


def judge(case: Case) -> Verdict:
    """The verdict under the rule that the case has."""
    found = _found(case)
    results = tuple(finding.result for finding in found)
    persons = tuple(person for finding in found for person in finding.persons)
    moments = [moment for finding in found for moment in finding.changes_at if moment > case.snapshot.at]
    return Verdict(
        question=case.snapshot.question,
        environment=case.snapshot.environment,
        outcome=_outcome(results, persons),
        results=results,
        revision=case.snapshot.release.revision,
        effective_rule=case.rule.digest,
        persons=persons,
        recheck_at=min(moments, default=None),
    )


def _found(case: Case) -> list[Finding]:
    """All findings in the order of the tree, as they are when the glass is broken, if it is."""
    if not case.snapshot.release.manifest_path:
        # Without a release there is nothing to ask the other gates about.
        return [_ask("release", no_release, case)]
    first = [_ask(name, gate, case) for name, gate in _asked(case)]
    last = [_ask(name, gate, case) for name, gate in _last(case)]
    glass = [_ask(GLASS, break_glass, case)] if is_glass_asked(case) else []
    if not needs_waiving((*first, *last)):
        glass = [unused(finding) for finding in glass]
    elif any(finding.result.status == "pass" for finding in glass):
        first, last = waive(first), waive(last)
    return [*first, *_deadline(case, first), *glass, *last]


def _asked(case: Case) -> list[tuple[str, Gate]]:
    deploy: tuple[tuple[str, Gate], ...] = _AT_DEPLOY if case.snapshot.question == "deploy" else ()
    if deploy and is_anchored_asked(case):
        deploy = (*deploy, ("anchored", anchored))
    late = {name for name, _ in deploy}
    listed = [(name, _LISTED[name]) for name in _listed(case.rule) if name not in late and name in _LISTED]
    timed = [(name, gate) for name, gate, is_asked in _WHERE_ASKED if is_asked(case)]
    return [*_ALWAYS, *listed, *timed, *deploy]


def _listed(rule: EffectiveRule | NoRule) -> tuple[GateName, ...]:
    """The gates that the rule lists, and those whose terms it has."""
    if isinstance(rule, NoRule):
        return ()
    terms: dict[GateName, bool] = {
        "evidence": bool(rule.requirements),
        "required_checks": bool(rule.required_checks),
        "findings": bool(rule.findings),
    }
    return tuple(name for name in GATE_NAMES if name in rule.gates or terms.get(name, False))


def _last(case: Case) -> list[tuple[str, Gate]]:
    owed: list[tuple[str, Gate]] = [("retrospective", retrospective)] if is_retrospective_asked(case) else []
    return [*owed, ("freshness", freshness)]


def _deadline(case: Case, asked: list[Finding]) -> list[Finding]:
    incomplete = any(finding.result.name == "approvals" and not holds(finding.result) for finding in asked)
    return [_ask("deadline", deadline, case)] if incomplete and is_deadline_asked(case) else []


def _rule(policies: Policies, snapshot: Snapshot) -> EffectiveRule | NoRule:
    try:
        return applying_rule(policies, snapshot)
    except Exception as error:
        what = f"The rules could not be merged ({type(error).__name__})."
        return NoRule((Problem("rule-broken", what, "Report this to the administrator of Countersign."),))


def _ask(name: str, gate: Gate, case: Case) -> Finding:
    try:
        return gate(case)
    except Exception as error:
        what = f"The gate {name} broke ({type(error).__name__}), so it cannot be said whether it holds."
        return Finding(Result(name, "error", what, "Report this to the administrator of Countersign."))


def _outcome(results: tuple[Result, ...], persons: tuple[str, ...]) -> Outcome:
    if any(result.status in ("fail", "error") for result in results):
        return "deny"
    return "allow" if persons and all(holds(result) for result in results) else "wait"
