"""What a rule of the policy can ask for beside seats: terms of the change request, of evidence, of time, and of the
ways around it. Durations are in seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from manifests.release import ChangeType

Exclusion = Literal["reporting-line"]
Severity = Literal["low", "medium", "high", "critical"]
Operator = Literal["<", "<=", "=", "!=", ">=", ">", "one-of", "none-of", "includes", "excludes", "is"]
ValueKind = Literal["number", "age", "time", "text", "set", "boolean"]

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
MAX_BREAK_GLASS_S = 4 * 3600


class ChangeRule(msgspec.Struct, frozen=True):
    """What the change request must be: allowed types, who is asked, how many human approvals it needs."""

    type: ChangeType = "normal"
    assignment_group: str | None = None
    cab: bool = False
    approvals: int = 1


class Comparison(msgspec.Struct, frozen=True):
    """What a field of evidence has to be. ``field`` is its dotted path in the predicate (``metrics.breach_rate``).

    ``values`` are as the policy writes them: for ``number`` one decimal, with its unit after a blank where it has
    one (``0.6 %``, ``250 ms``); for ``age`` seconds since the instant in the field; for ``time`` an RFC 3339
    instant; for ``boolean`` ``true`` or ``false``; for ``text`` and ``set`` one or more words.
    """

    field: str
    kind: ValueKind
    operator: Operator
    values: tuple[str, ...]


class Requirement(msgspec.Struct, frozen=True):
    """What every report of one type of evidence has to say."""

    type: str
    comparisons: tuple[Comparison, ...]


class RequiredCheck(msgspec.Struct, frozen=True):
    """A check of another App that has to be green at the head. ``app`` is the App's slug, or ``any``; a commit
    status (not a check run) is of the App ``status``."""

    name: str
    app: str


class FindingsRule(msgspec.Struct, frozen=True):
    """No finding of ``severity`` or worse in the evidence of these types without an exception granted by a member of
    ``exceptions_by`` (None: none can be granted) for at most ``longest`` seconds."""

    severity: Severity
    types: tuple[str, ...]
    exceptions_by: str | None = None
    longest: int = 30 * 86_400


class DeadlineRule(msgspec.Struct, frozen=True):
    """Approvals are expected ``within`` so many seconds of a head's arrival. Those who are asked are reminded after
    each of ``remind``; past the deadline the groups of ``escalate`` are told."""

    within: int
    remind: tuple[int, ...] = ()
    escalate: tuple[str, ...] = ()


class Recurrence(msgspec.Struct, frozen=True):
    """Spans of ``duration`` seconds from each occurrence of an RFC 5545 recurrence rule. ``start`` is the first
    occurrence in local time of ``timezone`` (IANA), as ``2026-01-02T18:00:00``; ``except_dates`` are local dates on
    which none begins."""

    rule: str
    start: str
    duration: int
    timezone: str = "UTC"
    except_dates: tuple[str, ...] = ()


class KeepRule(msgspec.Struct, frozen=True):
    """Grants outlive a push that leaves the revision as it was and changes no path that one of these patterns
    matches."""

    unless_changed: tuple[str, ...] = ()


class DelegationRule(msgspec.Struct, frozen=True):
    """Members of the seats' groups may let somebody act for them, for at most ``longest`` seconds."""

    longest: int = 7 * 86_400


class BreakGlassRule(msgspec.Struct, frozen=True):
    """In an emergency ``count`` (two or more) persons of ``groups`` stand in for the rule, for ``valid`` seconds (at
    most 4 h). Somebody of ``review_by`` who did not break the glass has to review it ``review_within`` seconds."""

    groups: tuple[str, ...]
    review_by: str
    count: int = 2
    valid: int = MAX_BREAK_GLASS_S
    review_within: int = 3 * 86_400
