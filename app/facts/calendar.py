"""Recurrences made into spans of time around an instant, so that gates need neither time zones nor rules for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache

from app.clock import SECOND
from app.facts import recurrence as rules
from app.facts import zones
from app.facts.recurrence import UnexpandableError
from gates.model import Occurrences, Policies
from gates.terms import EffectiveRule, NoRule
from manifests.policy import Freeze
from manifests.policy_terms import Recurrence

AROUND_S = 31 * 86_400
MAX_DURATION_S = 366 * 86_400
_DAY = 86_400 * SECOND


def calendar(
    policies: Policies, rule: EffectiveRule | NoRule | None, environment: str, at: int
) -> tuple[Occurrences, ...]:
    """When each recurrence that concerns an environment is under way around ``at`` (microseconds since 1970 UTC): those
    of the freezes of both policies, and of the windows of the rule."""
    layers = (policies.tenant, policies.repository)
    freezes = [item for policy in layers if policy is not None for item in policy.freezes]
    wanted = [item.recurrence for item in freezes if item.recurrence is not None and _concerns(item, environment)]
    if isinstance(rule, EffectiveRule):
        wanted += [span for window in rule.windows for span in window.spans]
    return tuple(occurrences(one, at) for one in dict.fromkeys(wanted))


def expand(policies: Policies, *instants: int) -> None:
    """Remember all that ``calendar`` can be asked for at these instants, whatever the rule: expanding it takes seconds
    where there is much of it, and need not be done where others wait."""
    layers = [policy for policy in (policies.tenant, policies.repository) if policy is not None]
    found = [freeze.recurrence for policy in layers for freeze in policy.freezes if freeze.recurrence is not None]
    found += [span for policy in layers for rule in policy.rules for span in rule.windows]
    for at in instants:
        for one in found:
            occurrences(one, at)


def occurrences(recurrence: Recurrence, at: int) -> Occurrences:
    """All spans that touch the UTC day of ``at`` or the 31 days before and after it. A recurrence that cannot be
    expanded has a ``problem``, and no spans."""
    return _around(recurrence, at // _DAY)


@lru_cache(maxsize=4096)
def _around(recurrence: Recurrence, day: int) -> Occurrences:
    """Remembered, because every decision of a day asks for the same."""
    since, until = day * _DAY - AROUND_S * SECOND, (day + 1) * _DAY + AROUND_S * SECOND
    try:
        return Occurrences(recurrence, since, until, tuple(_spans(recurrence, since, until)))
    except (UnexpandableError, OverflowError) as error:
        return Occurrences(recurrence, since, until, problem=str(error))


def _spans(recurrence: Recurrence, since: int, until: int) -> Iterator[tuple[int, int]]:
    where = zones.zone(recurrence.timezone)
    if where is None:
        raise UnexpandableError(f"{recurrence.timezone[:60]!r} is no time zone of tzdata")
    if not 0 < recurrence.duration <= MAX_DURATION_S:
        raise UnexpandableError(f"it lasts {recurrence.duration} s, expected 1 s to 366 days")
    length = recurrence.duration * SECOND
    rule = rules.read(recurrence.rule)
    last = until if rule.until is None else min(until, zones.instant(rule.until, UTC))
    excepted = frozenset(_date(text) for text in recurrence.except_dates)
    # A day more on either side: what the clocks skip is shifted.
    earliest, latest = zones.wall(since - length - _DAY, where), zones.wall(until + _DAY, where)
    walls = rules.walls(rule, _local(recurrence.start), earliest, latest)
    starts = {zones.instant(wall, where) for wall in walls if wall.date() not in excepted}
    return ((start, start + length) for start in sorted(starts) if since <= start + length and start <= last)


def _concerns(item: Freeze, environment: str) -> bool:
    return not item.environments or environment.casefold() in {name.casefold() for name in item.environments}


def _local(text: str) -> datetime:
    """A local time in the extended or basic form of ISO 8601, without an offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or found.microsecond:
        raise UnexpandableError(f"{text[:40]!r} is no local time such as 2026-01-02T18:00:00")
    return found


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UnexpandableError(f"{text[:40]!r} is no date such as 2026-12-24") from error
