"""Judging the text of a recurrence rule (RFC 5545 section 3.3.10) without expanding it.

Read more strictly than the RFC: frequencies from a day to a year, the parts that are listed here, nothing twice, and
an UNTIL in UTC, as the RFC asks of a start in local time. Dates that no calendar has are refused, because a freeze that
never occurs would look like protection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from manifests.located_yaml_reader import did_you_mean, shown
from manifests.located_yaml_scalars import FIRST_YEAR, LAST_YEAR

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_LENGTH = 200
MAX_INTERVAL = 366
MAX_COUNT = 10_000
MAX_WEEKS = 53
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,5})")
_BYDAY = re.compile(r"([+-]?[1-9][0-9]?)?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"[0-9]{8}T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z")
_DAYS_IN = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a rule: what was expected, what was found, what to do."""

    message: str
    remedy: str = "Correct it."


_Check = Callable[[str], str | None]
"""What a value should have been, or None where it is right."""


def faults(rule: str) -> tuple[Fault, ...]:
    """Everything that is wrong with ``FREQ=WEEKLY;BYDAY=SA,SU``."""
    if not 1 <= len(rule) <= MAX_LENGTH:
        return (
            Fault(f"Expected a recurrence rule of 1 to {MAX_LENGTH} characters, found {len(rule)}.", "Shorten it."),
        )
    parts: dict[str, str] = {}
    found: list[Fault] = []
    for part in rule.split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            found.append(Fault(f"Expected NAME=value between semicolons, found {shown(part)}."))
        elif name not in _CHECKS:
            remedy = did_you_mean(name, _CHECKS) if name == name.upper() else "Write it in capitals."
            found.append(Fault(f"Expected a part of a recurrence rule, found {shown(name)}.", remedy))
        elif name in parts:
            found.append(Fault(f"Expected {name} once, found it again.", "Keep one of them."))
        else:
            parts[name] = value
    return (*found, *_values(parts), *_together(parts))


def until(rule: str) -> datetime | None:
    """The instant of UNTIL, without its zone, of a rule without faults."""
    found = dict(part.split("=", 1) for part in rule.split(";")).get("UNTIL")
    return None if found is None else _until(found)


def _values(parts: Mapping[str, str]) -> Iterator[Fault]:
    for name, value in parts.items():
        expected = _CHECKS[name](value)
        if expected is not None:
            yield Fault(f"{name}: expected {expected}, found {shown(value)}.")


def _together(parts: Mapping[str, str]) -> Iterator[Fault]:
    frequency = parts.get("FREQ")
    if frequency is None:
        yield Fault("Expected FREQ, found none.", f"Write FREQ= and one of {', '.join(FREQUENCIES)}.")
    if "COUNT" in parts and "UNTIL" in parts:
        yield Fault("Expected COUNT or UNTIL, found both.", "Keep one of them.")
    if frequency in FREQUENCIES and any(nth > _most_nth(parts) for nth in _nths(parts.get("BYDAY", ""))):
        expected = f"numbers up to {_most_nth(parts)}" if _most_nth(parts) else "days without a number"
        yield Fault(f"BYDAY: expected {expected} with FREQ={frequency}, found {shown(parts['BYDAY'])}.")
    if frequency == "WEEKLY" and "BYMONTHDAY" in parts:
        yield Fault("Expected no BYMONTHDAY with FREQ=WEEKLY, found one.", "Use BYDAY, or FREQ=MONTHLY.")
    if "BYSETPOS" in parts and not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        yield Fault(
            "Expected another BY… part beside BYSETPOS, found none.", "Say of which days it tells the position."
        )
    if not _is_possible(parts):
        yield Fault(f"BYMONTHDAY: expected a day that BYMONTH has, found {shown(parts['BYMONTHDAY'])}.")


def _is_possible(parts: Mapping[str, str]) -> bool:
    """Whether one of the days is in one of the months, as far as both can be read."""
    if "BYMONTHDAY" not in parts or "BYMONTH" not in parts:
        return True
    try:
        days = [abs(int(day)) for day in parts["BYMONTHDAY"].split(",")]
        months = [int(month) for month in parts["BYMONTH"].split(",")]
    except ValueError:
        return True
    return min(days) <= max(_DAYS_IN.get(month, 31) for month in months)


def _nths(days: str) -> Iterator[int]:
    """The numbers before the days, as far as they can be read."""
    for match in map(_BYDAY.fullmatch, days.split(",")):
        if match is not None and match[1] is not None:
            yield abs(int(match[1]))


def _most_nth(parts: Mapping[str, str]) -> int:
    """A month has at most five Mondays, a year 53."""
    if parts["FREQ"] == "YEARLY":
        return 5 if "BYMONTH" in parts else MAX_WEEKS
    return 5 if parts["FREQ"] == "MONTHLY" else 0


def _frequency(value: str) -> str | None:
    return None if value in FREQUENCIES else f"one of {', '.join(FREQUENCIES)}"


def _weekday(value: str) -> str | None:
    return None if value in WEEKDAYS else f"one of {', '.join(WEEKDAYS)}"


def _days(value: str) -> str | None:
    days = value.split(",")
    if len({day.removeprefix("+") for day in days}) == len(days) and all(_is_day(day) for day in days):
        return None
    return "days such as MO,TU or 1MO,-1FR (-53 to 53), each once"


def _is_day(day: str) -> bool:
    match = _BYDAY.fullmatch(day)
    return match is not None and (match[1] is None or abs(int(match[1])) <= MAX_WEEKS)


def _until(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value[:-1]) if _UNTIL.fullmatch(value) else None
    except ValueError:
        return None


def _end(value: str) -> str | None:
    moment = _until(value)
    if moment is not None and FIRST_YEAR <= moment.year < LAST_YEAR:
        return None
    return f"an instant in UTC such as 20261224T170000Z, in the years {FIRST_YEAR} to {LAST_YEAR - 1}"


def _one(low: int, high: int) -> _Check:
    def check(value: str) -> str | None:
        is_right = _WHOLE.fullmatch(value) and value[0] not in "+-" and low <= int(value) <= high
        return None if is_right else f"a whole number from {low} to {high}"

    return check


def _list(low: int, high: int, *, signed: bool = False) -> _Check:
    """Whole numbers with commas between them; ``signed`` ones count from the end too, and 0 is none of them."""

    def check(value: str) -> str | None:
        words = value.split(",")
        if all(_WHOLE.fullmatch(word) for word in words):
            numbers = [int(word) for word in words]
            sizes = [abs(number) for number in numbers] if signed else numbers
            if all(low <= size <= high for size in sizes) and len(set(numbers)) == len(numbers):
                return None
        either = f"-{high} to -{low} or {low} to {high}" if signed else f"{low} to {high}"
        return f"whole numbers from {either} with commas between them, each once"

    return check


_CHECKS: dict[str, _Check] = {
    "FREQ": _frequency,
    "INTERVAL": _one(1, MAX_INTERVAL),
    "COUNT": _one(1, MAX_COUNT),
    "UNTIL": _end,
    "BYDAY": _days,
    "BYMONTHDAY": _list(1, 31, signed=True),
    "BYMONTH": _list(1, 12),
    "BYSETPOS": _list(1, 366, signed=True),
    "BYHOUR": _list(0, 23),
    "BYMINUTE": _list(0, 59),
    "WKST": _weekday,
}
