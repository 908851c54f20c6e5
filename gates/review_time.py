"""The review time gate: a head has been open to review for as long as the rule asks."""

from __future__ import annotations

from gates.case import Case, Finding
from gates.model import Result
from gates.terms import EffectiveRule
from gates.words import LAST_WRITABLE, SECOND, instant, span

NAME = "review_time"


def is_asked(case: Case) -> bool:
    return isinstance(case.rule, EffectiveRule) and case.rule.review_time > 0


def review_time(case: Case) -> Finding:
    """Counted from the delivery that first told of the head, so that no date that an author wrote counts."""
    asked = case.rule.review_time if isinstance(case.rule, EffectiveRule) else 0
    since, at = case.snapshot.release.head_since, case.snapshot.at
    if since <= 0:
        return Finding(
            Result(
                NAME,
                "wait",
                "It is not known since when this head has been open to review.",
                "Push the head again or reopen the pull request, so that GitHub tells of it.",
            )
        )
    until = since + asked * SECOND
    if at >= until:
        summary = f"This head has been open to review since {instant(since)}, which is {span(asked)} or more."
        return Finding(Result(NAME, "pass", summary))
    summary = f"This head has to be open to review for {span(asked)}, until {instant(until)}."
    remedy = f"Wait until {instant(until)}; another push begins the time anew."
    moments = (until,) if until <= LAST_WRITABLE else ()
    return Finding(Result(NAME, "wait", summary, remedy, changes=f"time alone, at {instant(until)}"), moments)
