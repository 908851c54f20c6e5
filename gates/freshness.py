"""The freshness gate: facts seen lately enough, a log that can be written, and a clock that runs forward.

THREATS 16: an allow needs every changeable fact seen at its source within the tenant's freshness; a clock
behind the last record denies.
"""

from __future__ import annotations

from gates.break_glass import is_asked
from gates.case import Case, Finding, judged
from gates.definitions import groups_named
from gates.freeze import freezes
from gates.groups import parts
from gates.model import Result, Snapshot
from gates.rule import condition_groups
from gates.terms import EffectiveRule
from gates.words import SECOND, instant, span

TOLERANCE = 5
"""Seconds by which a neighbour's clock may be ahead of ours."""

_NO_POLICY_FRESHNESS = 60
MAX_DIFFERENCES = 10


def freshness(case: Case) -> Finding:
    """At a deployment every changeable fact has to be fresh; log and clock count always."""
    facts = _facts(case)
    results = [*_log(case.snapshot), *_ahead(facts, case.snapshot.at)]
    good = "The audit log can be written and the clock runs forward."
    if case.snapshot.question == "deploy":
        tenant = case.policies.tenant
        limit = tenant.freshness if tenant is not None else _NO_POLICY_FRESHNESS
        results += _stale(facts, case.snapshot.at, limit)
        good = f"Every fact was seen within the last {span(limit)}, and the audit log can be written."
    return Finding(judged("freshness", good, results))


def _facts(case: Case) -> list[tuple[str, int]]:
    """What can change at its source and is relied on, with when it was last seen there."""
    snapshot = case.snapshot
    found = [
        ("the pull request (GitHub)", snapshot.pull.seen_at),
        ("the policy (GitHub)", case.policies.seen_at),
        ("the contributors (GitHub)", snapshot.contributors.seen_at),
    ]
    if isinstance(case.rule, EffectiveRule):
        asked = _groups(case.rule, case)
        found += sorted((f"the group {g.name}", g.seen_at) for g in snapshot.groups if g.name in asked)
        if snapshot.change is not None and _counts_change(case.rule, case):
            found.append(("the change request (ServiceNow)", snapshot.change.seen_at))
        if case.rule.required_checks and snapshot.checks is not None:
            found.append(("the checks at the head (GitHub)", snapshot.checks.seen_at))
        if case.rule.exclude and snapshot.reporting is not None:
            found.append(("the reporting lines (identity provider)", snapshot.reporting.seen_at))
    if snapshot.deployment is not None:
        found.append(("the deployed commit (GitHub)", snapshot.deployment.seen_at))
    return found


def _groups(rule: EffectiveRule, case: Case) -> frozenset[str]:
    """The groups whose members' words are counted, with those that they are made of."""
    asked = [seat.group for seat in rule.seats]
    asked += [group.name for group in groups_named(case.policies, condition_groups(case.policies))]
    asked += [terms.exceptions_by for terms in rule.findings if terms.exceptions_by is not None]
    if rule.break_glass is not None and is_asked(case):
        asked += rule.break_glass.groups
    for name in asked:
        definition = rule.group(name)
        asked += [part for part in parts(definition) if part not in asked] if definition is not None else []
    return frozenset(asked)


def _counts_change(rule: EffectiveRule, case: Case) -> bool:
    """Whether the change request is asked for, or could let this deployment through a freeze."""
    return "change" in rule.gates or any(item.emergency for item in freezes(case))


def _log(snapshot: Snapshot) -> list[Result]:
    found = []
    if snapshot.log.problem:
        found.append(
            Result(
                "log",
                "error",
                f"The audit log cannot be written: {snapshot.log.problem}.",
                "Nothing is allowed without a record; let an administrator follow the runbook on the audit log.",
            )
        )
    found += [
        Result(
            "tables",
            "error",
            f"The tables differ from the audit log: {difference}.",
            "Nothing counts that its record does not bear out; an administrator must run `countersign audit rebuild` "
            "and find out who changed the database.",
        )
        for difference in sorted(set(snapshot.log.differences))[:MAX_DIFFERENCES]
    ]
    if snapshot.at < snapshot.log.last_at:
        found.append(
            Result(
                "clock",
                "fail",
                f"The clock says {instant(snapshot.at)}, which is behind the last record of the audit log "
                f"({instant(snapshot.log.last_at)}).",
                "Set the clock of the machine right; it must never run backwards.",
            )
        )
    return found


def _ahead(facts: list[tuple[str, int]], at: int) -> list[Result]:
    return [
        Result(
            "clock",
            "error",
            f"It is now {instant(at)}, yet {name} was seen at {instant(seen)}.",
            "Check the clocks of all machines that run Countersign.",
        )
        for name, seen in facts
        if seen > at + TOLERANCE * SECOND
    ]


def _stale(facts: list[tuple[str, int]], at: int, limit: int) -> list[Result]:
    return [
        Result(
            "age",
            "wait",
            f"For {_age(at, seen)} nobody has seen {name}; at most {span(limit)} are allowed.",
            "Ask again in a moment; if this stays, that neighbour cannot be reached: see countersign doctor.",
        )
        for name, seen in facts
        if at - seen > limit * SECOND
    ]


def _age(at: int, seen: int) -> str:
    return span((at - seen) // SECOND) if seen > 0 else "as long as can be told"
