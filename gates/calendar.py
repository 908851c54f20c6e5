"""Recurring times: whether one is under way, from the spans that were gathered for it."""

from __future__ import annotations

import msgspec

from gates.model import Occurrences, Snapshot
from gates.words import instant
from manifests.policy_terms import Recurrence

REMEDY = "Evaluate the release again; if this stays, let an administrator correct the recurrence in the policy."


class Times(msgspec.Struct, frozen=True):
    """``until`` is when the span under way ends (None: none is), ``next`` when the next one begins, as far as is
    known, and ``known_until`` how far that is. ``problem`` not empty means that nothing can be told."""

    until: int | None = None
    next: int | None = None
    known_until: int = 0
    changes_at: tuple[int, ...] = ()
    problem: str = ""


def times(recurrence: Recurrence, snapshot: Snapshot) -> Times:
    """What is known of a recurrence at the instant of the snapshot."""
    found = {facts for facts in snapshot.calendar if facts.recurrence == recurrence}
    if len(found) != 1:
        return Times(problem="it was not looked up" if not found else "it was looked up with different answers")
    facts, at = found.pop(), snapshot.at
    if why := _useless(facts, at):
        return Times(problem=why)
    ends = {end for start, end in facts.spans if start <= at < end}
    following = min((start for start, _ in facts.spans if start > at), default=None)
    edges = ends if following is None else {*ends, following}
    return Times(max(ends, default=None), following, facts.until, tuple(sorted(edges)))


def _useless(facts: Occurrences, at: int) -> str:
    if facts.problem:
        return facts.problem.rstrip(".")
    if not facts.since <= at < facts.until:
        return f"it was looked up only from {instant(facts.since)} until {instant(facts.until)}"
    if any(start >= end for start, end in facts.spans):
        return "it has a span that ends before it begins"
    return ""
