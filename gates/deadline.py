"""The deadline: when approvals are expected by. It reminds and tells others, and decides nothing by itself."""

from __future__ import annotations

from gates.case import Case, Finding
from gates.model import Result
from gates.terms import EffectiveRule
from gates.words import LAST_WRITABLE, SECOND, instant, listing

NAME = "deadline"


def is_asked(case: Case) -> bool:
    return isinstance(case.rule, EffectiveRule) and case.rule.deadline is not None


def deadline(case: Case) -> Finding:
    """For approvals that are not complete, which wait anyway; past the deadline this says since when."""
    terms = case.rule.deadline if isinstance(case.rule, EffectiveRule) else None
    since, at = case.snapshot.release.head_since, case.snapshot.at
    if terms is None or since <= 0:
        why = "It is not known since when this head is there, so it cannot be said by when approvals are expected."
        return Finding(Result(NAME, "wait", why, "Push the head again, so that GitHub tells of it."))
    due = since + terms.within * SECOND
    told = listing(sorted(set(terms.escalate)))
    moments = {due, *(since + after * SECOND for after in terms.remind)}
    coming = tuple(sorted(moment for moment in moments if at < moment <= LAST_WRITABLE))
    if at < due:
        then = f" {told} will be told when that has passed." if told else ""
        return Finding(Result(NAME, "pass", f"Approvals are expected by {instant(due)}.{then}"), coming)
    summary = f"Approvals are overdue since {instant(due)}."
    remedy = f"Ask those whose approval is missing{f'; {told} have been told' if told else ''}."
    return Finding(Result(NAME, "wait", summary, remedy, who=told), coming)
