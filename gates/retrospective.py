"""The retrospective gate: who broke the glass owes a review of it, and nothing goes on while one is overdue."""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.model import Result, Retrospective
from gates.terms import EffectiveRule
from gates.words import instant, listing

NAME = "retrospective"


def is_asked(case: Case) -> bool:
    return bool(case.snapshot.retrospectives)


def retrospective(case: Case) -> Finding:
    """Fail for every broken glass whose review is overdue; say of the others when they are due."""
    terms = case.rule.break_glass if isinstance(case.rule, EffectiveRule) else None
    reviewers = terms.review_by if terms is not None else ""
    owed = sorted(case.snapshot.retrospectives, key=lambda one: (one.due_at, one.release, one.environment, one.grants))
    late = [_overdue(one, reviewers) for one in owed if case.snapshot.at >= one.due_at]
    due = [one for one in owed if case.snapshot.at < one.due_at]
    good = f"To be reviewed with countersign review-glass: {listing(_due(one) for one in due)}."
    return Finding(judged(NAME, good, late), tuple(sorted({one.due_at for one in due})))


def _due(one: Retrospective) -> str:
    return f"the glass broken for {_release(one)}, by {instant(one.due_at)}"


def _overdue(one: Retrospective, reviewers: str) -> Result:
    who = f"somebody from {reviewers}" if reviewers else "the reviewers that its rule names"
    return Result(
        NAME,
        "fail",
        f"The glass was broken for {_release(one)}, and its review is overdue since {instant(one.due_at)}.",
        f"Let {who}, who neither broke it nor had a hand in the release, review it with countersign review-glass.",
        who=reviewers,
        changes="the review",
    )


def _release(one: Retrospective) -> str:
    name = f"this release ({one.release})" if one.own else one.release or "a release"
    return f"{name} in {one.environment or 'an environment'}"
