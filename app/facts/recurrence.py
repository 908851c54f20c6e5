"""The local times at which a recurrence begins: RFC 5545 rules, expanded by dateutil within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec
from dateutil.rrule import rrulestr

from manifests import policy_parser_rrule

Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]

MAX_OCCURRENCES: Final = 10_000
_ERA: Final = 7600
"""Years by which times are moved for dateutil, which looks for the next occurrence until the year 9999. The calendar
repeats itself every 400 years, so a search in vain is shorter and nothing else changes."""
_DAYS: Final[dict[Frequency, int]] = {"WEEKLY": 7, "DAILY": 1}
_MONTHS: Final[dict[Frequency, int]] = {"YEARLY": 12, "MONTHLY": 1}
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class UnexpandableError(ValueError):
    """Why a rule says nothing about time."""


class Rule(msgspec.Struct, frozen=True):
    """The parts of a recurrence rule without UNTIL. ``until`` is the last time, in UTC, at which an occurrence may
    begin; None for no last one."""

    parts: dict[str, str]
    until: datetime | None = None

    @property
    def frequency(self) -> Frequency:
        return self.parts["FREQ"]  # type: ignore[return-value]

    @property
    def interval(self) -> int:
        return int(self.parts.get("INTERVAL", "1"))


def read(text: str) -> Rule:
    """Raises UnexpandableError for what the policy's parser refuses: dateutil overlooks numbers out of range."""
    if found := policy_parser_rrule.faults(text):
        raise UnexpandableError(f"its rule cannot be read: {found[0].message}")
    parts = dict(part.split("=", 1) for part in text.split(";"))
    parts.pop("UNTIL", None)
    return Rule(parts, policy_parser_rrule.until(text))


def walls(rule: Rule, start: datetime, since: datetime, until: datetime) -> Iterator[datetime]:
    """Local times at which an occurrence begins, in order: every one from ``since`` to ``until``, and some before.

    Raises UnexpandableError when the rule cannot be expanded or there are too many.
    """
    begin = start if "COUNT" in rule.parts else _begin(rule, start, since)
    text = ";".join(f"{name}={value}" for name, value in _explicit(rule, start).items())
    try:
        for passed, found in enumerate(rrulestr(text, dtstart=_moved(begin, _ERA))):
            local = _moved(found, -_ERA)
            if local > until:
                return
            if passed >= MAX_OCCURRENCES:
                raise UnexpandableError(f"its rule has more than {MAX_OCCURRENCES} occurrences to go through")
            yield local
    except UnexpandableError:
        raise
    except (ValueError, TypeError, OverflowError, IndexError) as error:
        raise UnexpandableError(f"its rule cannot be expanded: {str(error)[:100] or type(error).__name__}") from error


def _explicit(rule: Rule, start: datetime) -> dict[str, str]:
    """The parts, with those that RFC 5545 takes from the start, so that the rule can be begun later."""
    taken = {"BYHOUR": str(start.hour), "BYMINUTE": str(start.minute), "BYSECOND": str(start.second)}
    if not {"BYMONTHDAY", "BYDAY"} & rule.parts.keys():
        if rule.frequency == "WEEKLY":
            taken["BYDAY"] = _WEEKDAYS[start.weekday()]
        if rule.frequency in _MONTHS:
            taken["BYMONTHDAY"] = str(start.day)
        if rule.frequency == "YEARLY":
            taken["BYMONTH"] = str(start.month)
    return taken | rule.parts


def _begin(rule: Rule, start: datetime, since: datetime) -> datetime:
    """A time in step with the start and a whole interval or more before ``since``, or the start itself."""
    if rule.frequency in _DAYS:
        step = timedelta(days=_DAYS[rule.frequency] * rule.interval)
        return start + max((since - start) // step - 1, 0) * step
    months = _MONTHS[rule.frequency] * rule.interval
    passed = (since.year - start.year) * 12 + since.month - start.month
    steps = passed // months - 1
    if steps <= 0:
        return start
    first = 1 if rule.frequency == "YEARLY" else start.month
    year, month = divmod(start.year * 12 + first - 1 + steps * months, 12)
    return datetime(year, month + 1, 1)  # noqa: DTZ001 - local time


def _moved(wall: datetime, years: int) -> datetime:
    try:
        return wall.replace(year=wall.year + years)
    except ValueError as error:
        raise UnexpandableError(f"its start {wall:%Y} is too far away") from error
