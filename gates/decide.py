"""The decision: every gate that the rule lists, and those that no rule can leave out."""

from __future__ import annotations

from gates.anchored import anchored, is_required
from gates.approvals import approvals
from gates.artifacts import artifacts
from gates.case import Case, Finding, Gate, holds
from gates.change import change
from gates.deployment import deployment
from gates.evidence import evidence
from gates.freeze import freeze
from gates.freshness import freshness
from gates.holds import holds as no_holds
from gates.lineage import lineage
from gates.model import Outcome, Policies, Result, Snapshot, Verdict
from gates.proposal import no_release, release
from gates.rationale import rationale
from gates.rule import applying_rule, rule
from gates.terms import EffectiveRule, NoRule
from manifests.errors import Problem

_ALWAYS: tuple[tuple[str, Gate], ...] = (
    ("release", release),
    ("rule", rule),
    ("approvals", approvals),
    ("holds", no_holds),
)
_LISTED: dict[str, Gate] = {
    "artifacts": artifacts,
    "lineage": lineage,
    "rationale": rationale,
    "evidence": evidence,
    "change": change,
    "freeze": freeze,
}
_AT_DEPLOY: tuple[tuple[str, Gate], ...] = (("deployment", deployment), ("freeze", freeze))
_LAST: tuple[tuple[str, Gate], ...] = (("freshness", freshness),)


def decide(policies: Policies, snapshot: Snapshot) -> Verdict:
    """Answer the snapshot's question. Total and deterministic: the same facts, in any order, give the same
    verdict, and a gate that breaks denies.

    Allow needs every gate to hold and at least one seat filled by a person who had no hand in the release;
    a failing or broken gate denies; otherwise something is only missing, and the answer is to wait.
    """
    applying = _rule(policies, snapshot)
    case = Case(policies, snapshot, applying)
    findings = [_ask(name, gate, case) for name, gate in _asked(case)]
    results = tuple(finding.result for finding in findings)
    persons = tuple(person for finding in findings for person in finding.persons)
    moments = [moment for finding in findings for moment in finding.changes_at if moment > snapshot.at]
    return Verdict(
        question=snapshot.question,
        environment=snapshot.environment,
        outcome=_outcome(results, persons),
        results=results,
        revision=snapshot.release.revision,
        effective_rule=applying.digest,
        persons=persons,
        recheck_at=min(moments, default=None),
    )


def _asked(case: Case) -> list[tuple[str, Gate]]:
    if not case.snapshot.release.manifest_path:
        # Without a release there is nothing to ask the other gates about.
        return [("release", no_release)]
    deploy: tuple[tuple[str, Gate], ...] = _AT_DEPLOY if case.snapshot.question == "deploy" else ()
    listed = case.rule.gates if isinstance(case.rule, EffectiveRule) else ()
    if deploy and is_required(case):
        deploy = (*deploy, ("anchored", anchored))
    late = {name for name, _ in deploy}
    chosen = [(name, _LISTED[name]) for name in listed if name not in late and name in _LISTED]
    return [*_ALWAYS, *chosen, *deploy, *_LAST]


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
