"""Whether a pull request moved on from what somebody consented to: another head or base, or it was closed."""

from __future__ import annotations

from collections.abc import Callable

from app.pulls.admission import last
from app.pulls.situation import Situation
from app.pulls.store import LEFT
from gates.model import Consent

Moved = tuple[str, str]
"""Why a consent is over, and what says so."""


def moved(at: Situation, consent: Consent, outlives: Callable[[Consent], bool] = lambda consent: False) -> Moved | None:
    """The first thing that ends the consent; None while it stands. A head that was replaced and came back is another
    one, unless the consent ``outlives`` what was pushed."""
    pull, seen = at.view.pull, at.observations
    left = any(head.sha == consent.head_sha and head.event == LEFT for head in at.heads)
    if (left or consent.head_sha != pull.head_sha) and not outlives(consent):
        return f"a push replaced {consent.head_sha[:12]}", f"head:{pull.head_sha}"
    if consent.base_ref != pull.base_ref or consent.issued_at <= last(seen, "pull.retargeted"):
        return "the base was changed since", f"base:{pull.base_ref}"
    if consent.issued_at <= last(seen, "pull.closed") or at.view.facts.state == "closed":
        return "the pull request was closed", "pull.closed"
    return None
