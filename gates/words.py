"""Pieces of sentences: instants, counts and lists, written the same way everywhere and for any input."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

SECOND = 1_000_000
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
LAST_WRITABLE = 253_402_300_799 * SECOND
"""The end of the year 9999."""


def instant(at: int) -> str:
    """Microseconds since 1970 as ``2026-11-20 18:00 UTC``; with seconds where they are not zero."""
    if not 0 <= at <= LAST_WRITABLE:
        return f"the instant {at} µs"
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if moment.second else "%Y-%m-%d %H:%M UTC")


def span(seconds: int) -> str:
    """``72 hours``, ``90 seconds``: whole units only, the largest that divides the span."""
    for name, size in _UNITS:
        if seconds and seconds % size == 0 and (name != "day" or seconds >= 4 * size):
            return count(seconds // size, name)
    return count(seconds, "second")


def count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listing(items: Iterable[str], join: str = "and", most: int = 5) -> str:
    """``a, b and c``; what is over ``most`` is only counted."""
    found = list(items)
    if len(found) > most:
        return f"{', '.join(found[:most])} {join} {len(found) - most} more"
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} {join} {found[-1]}"


def short(digest: str) -> str:
    """The first seven characters of a commit or digest, enough to tell two apart by eye."""
    return digest[:7] or "(none)"
