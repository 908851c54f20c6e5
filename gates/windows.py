"""The windows gate: deployments happen only while a window of every rule that has some is open."""

from __future__ import annotations

from gates.calendar import REMEDY, Times, times
from gates.case import Case, Finding, judged
from gates.model import Result
from gates.terms import EffectiveRule, WindowTerms
from gates.words import instant, listing

NAME = "windows"


def is_asked(case: Case) -> bool:
    return case.snapshot.question == "deploy" and isinstance(case.rule, EffectiveRule) and bool(case.rule.windows)


def windows(case: Case) -> Finding:
    """Wait until windows of all rules are open at once. An open window is enough for its rule; that none is open has
    to be known of each of its windows."""
    asked = case.rule.windows if isinstance(case.rule, EffectiveRule) else ()
    results: list[Result] = []
    moments: set[int] = set()
    ends: list[int] = []
    for terms in asked:
        known = [times(span, case.snapshot) for span in terms.spans]
        moments.update(moment for found in known for moment in found.changes_at)
        open_until = max((found.until for found in known if found.until is not None), default=None)
        if open_until is None:
            results.append(_shut(terms, known))
            moments.update(found.known_until for found in known if found.next is None and not found.problem)
        else:
            ends.append(open_until)
    good = f"Deploying is open until {instant(min(ends))}." if ends else "No rule has windows."
    return Finding(judged(NAME, good, results), tuple(sorted(moments)))


def _shut(terms: WindowTerms, known: list[Times]) -> Result:
    if problems := sorted({found.problem for found in known if found.problem}):
        why = f"Whether a window of {terms.rule} is open cannot be told: {listing(problems)}."
        return Result(NAME, "error", why, REMEDY)
    following = min((found.next for found in known if found.next is not None), default=None)
    if following is None:
        horizon = f" before {instant(min(found.known_until for found in known))}" if known else ""
        summary = f"No window of {terms.rule} is open, and none opens{horizon}."
        return Result(NAME, "wait", summary, "Let an administrator correct the windows of the rule, or wait.")
    opening = instant(following)
    summary = f"No window of {terms.rule} is open; the next one opens at {opening}."
    return Result(NAME, "wait", summary, f"Deploy after {opening}.", changes=f"the window that opens at {opening}")
