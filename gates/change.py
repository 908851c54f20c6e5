"""The change gate: the ServiceNow change request was approved there, by human hands, as it is now (THREATS 13).

The change's own approval field proves nothing; only the rows of sysapproval_approver do.
"""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.changeapprovals import people
from gates.model import ChangeFacts, Result, Snapshot
from gates.terms import NoRule
from gates.window import beginnings, within
from manifests.policy_terms import ChangeRule

_BEFORE = ("new",)
_UNDER_WAY = ("assess", "authorize")
_READY = ("scheduled", "implement")
_OVER = ("review", "closed", "canceled")


def change(case: Case) -> Finding:
    """Judge type, state, approvals and, for a deployment, the window of the change request."""
    facts = case.snapshot.change
    if isinstance(case.rule, NoRule) or case.rule.change is None:
        return Finding(Result("change", "fail", "No rule says what the change request has to be.", "Correct the rule."))
    if facts is None or not (facts.number or facts.problem):
        return Finding(
            Result(
                "change",
                "wait",
                f"The change request for {case.snapshot.environment} has not been opened yet.",
                "Wait for the next evaluation; if none appears, let an administrator run countersign doctor.",
            )
        )
    if facts.problem and not facts.number:
        return Finding(
            Result(
                "change",
                "wait",
                f"The change request for {case.snapshot.environment} is not open yet: {facts.problem.rstrip('.')}.",
                "It is tried again; if this stays, let an administrator run countersign doctor.",
            )
        )
    if facts.problem:
        return Finding(
            Result(
                "change",
                "error",
                f"The change request {facts.number} cannot be relied on: {facts.problem.rstrip('.')}.",
                "Let a change manager and an administrator look at it before anything else happens.",
            )
        )
    deploy = case.snapshot.question == "deploy"
    found = troubles(facts, case.rule.change, case.snapshot)
    changes = beginnings(case.snapshot.at, facts.start, facts.end) if deploy else ()
    return Finding(judged("change", _good(facts, deploy), found), changes)


def troubles(facts: ChangeFacts, rule: ChangeRule, snapshot: Snapshot) -> list[Result]:
    """What keeps a change request that can be relied on from being what the rule asks for."""
    deploy = snapshot.question == "deploy"
    results = (*_nature(facts, rule, deploy), *people(facts, rule, snapshot))
    timing = within(snapshot.at, facts.start, facts.end, f"{facts.number}") if deploy else None
    return [result for result in (*results, timing) if result is not None]


def _good(facts: ChangeFacts, deploy: bool) -> str:
    window = beginnings(-1, facts.start, facts.end)
    mention = "" if deploy or not window else " Its window counts when deploying."
    return f"{facts.number} is approved and in state {facts.state}.{mention}"


def _nature(facts: ChangeFacts, rule: ChangeRule, deploy: bool) -> list[Result]:
    found: list[Result] = []
    if facts.type != rule.type:
        found.append(
            Result(
                "type",
                "fail",
                f"{facts.number} is of the type {facts.type or '(none)'}, and the rule asks for {rule.type}.",
                f"Set change: type: {rule.type} in the manifest.",
            )
        )
    if facts.on_hold:
        found.append(
            Result("hold", "wait", f"{facts.number} is on hold in ServiceNow.", "Let a change manager resume it.")
        )
    if (trouble := _state(facts, deploy)) is not None:
        found.append(trouble)
    return found


def _state(facts: ChangeFacts, deploy: bool) -> Result | None:
    if facts.state in _READY or (facts.state in _UNDER_WAY and not deploy):
        return None
    if facts.state in _BEFORE:
        remedy = "Let a change manager ask for its approval in ServiceNow."
        return Result("state", "wait", f"{facts.number} has not been put up for approval yet.", remedy)
    if facts.state in _UNDER_WAY:
        remedy = "Let its approvers finish in ServiceNow, so that it becomes scheduled."
        return Result("state", "wait", f"{facts.number} is not scheduled yet; it is in {facts.state}.", remedy)
    if facts.state in _OVER:
        remedy = "Propose the release anew; a finished change request allows nothing more."
        return Result("state", "fail", f"{facts.number} is already in state {facts.state}.", remedy)
    remedy = "Let an administrator map this state, or move the change to a known one."
    return Result("state", "error", f"{facts.number} is in the unknown state {facts.state or '(none)'}.", remedy)
