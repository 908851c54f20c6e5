"""When those who are asked are reminded. Pure."""

from __future__ import annotations

import msgspec

from app.clock import SECOND
from gates.model import Snapshot, Verdict
from gates.terms import EffectiveRule, NoRule
from manifests.policy_terms import DeadlineRule

ESCALATION = "escalation"


class Step(msgspec.Struct, frozen=True):
    """A reminder (``remind-<seconds>``) or the escalation, from ``at`` on (microseconds since 1970 UTC)."""

    name: str
    at: int

    @property
    def escalates(self) -> bool:
        return self.name == ESCALATION


def steps(rule: DeadlineRule, since: int) -> tuple[Step, ...]:
    """In their order, for a head that arrived at ``since``. Past the deadline it is too late to remind: then those of
    ``escalate``, if there are any, are told."""
    found = [Step(f"remind-{after}", since + after * SECOND) for after in rule.remind if after < rule.within]
    if rule.escalate:
        found.append(Step(ESCALATION, since + rule.within * SECOND))
    return tuple(sorted(found, key=lambda step: step.at))


def last_due(rule: DeadlineRule, since: int, now: int) -> Step | None:
    """The newest step that is due: what was missed before it is left out, so that nobody gets many at once."""
    return next((step for step in reversed(steps(rule, since)) if step.at <= now), None)


def next_due(rule: DeadlineRule, since: int, now: int) -> int | None:
    return next((step.at for step in steps(rule, since) if step.at > now), None)


def awaited(rule: EffectiveRule | NoRule | None, snapshot: Snapshot, verdict: Verdict) -> DeadlineRule | None:
    """The deadline of approvals that are asked for and missing; None where nobody is waited for, or it is not known
    since when this head is there."""
    if not isinstance(rule, EffectiveRule) or snapshot.pull.state != "open" or snapshot.pull.draft:
        return None
    if snapshot.release.head_since <= 0:
        return None
    waiting = any(result.name == "approvals" and result.status == "wait" for result in verdict.results)
    return rule.deadline if waiting else None
