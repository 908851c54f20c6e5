"""The anchored gate: what people granted is under an anchor that the database's operators cannot change.

THREATS 19: who blocks the anchors, releases and rewrites the tail of the log leaves no trace; so where the tenant
requires it, a deployment waits for the anchors, and is denied when they stay out.
"""

from __future__ import annotations

from gates.case import Case, Finding
from gates.model import Result, Unanchored
from gates.words import SECOND, count, instant, span

PATIENCE_S = 15 * 60
"""An anchor that is out for longer is an incident, not a delay."""

LOOK_AGAIN_S = 5

_REMEDY = "Ask again in a moment; anchors are written within seconds while the sinks can be reached."
_LATE = "Let an administrator look at the sinks: countersign doctor, and the runbook on sinks."


def is_required(case: Case) -> bool:
    """Whether the tenant's policy asks for anchors where these artifacts are to go."""
    tenant = case.policies.tenant
    return tenant is not None and case.snapshot.environment.casefold() in tenant.anchored


_WITHHOLDING = ("reject", "hold")


def anchored(case: Case) -> Finding:
    """Wait until every grant that stands is anchored; fail when one waited too long. A delegation, an exception and a
    broken glass let through no less than an approval does."""
    standing = {c.id: c.decision for c in case.snapshot.consents if c.decision not in _WITHHOLDING and not c.void}
    out = [one for one in case.snapshot.log.unanchored if one.grant in standing]
    if not out:
        return Finding(Result("anchored", "pass", "Every approval is anchored outside the database."))
    noun = "approval" if all(standing[one.grant] == "approve" for one in out) else "grant"
    since, now = min(one.since for one in out), case.snapshot.at
    late = since + PATIENCE_S * SECOND
    return Finding(_result(out, noun, since, is_late=now >= late), (min(late, now + LOOK_AGAIN_S * SECOND),))


def _result(out: list[Unanchored], noun: str, since: int, *, is_late: bool) -> Result:
    what = f"{count(len(out), noun)} {'is' if len(out) == 1 else 'are'} not anchored outside the database"
    if is_late:
        why = f"{what} since {instant(since)}, longer than {span(PATIENCE_S)}."
        return Result("anchored", "fail", why, _LATE)
    return Result("anchored", "wait", f"{what} yet.", _REMEDY)
