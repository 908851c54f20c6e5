"""What a scalar's text can stand for: instants, durations, and values that YAML readers disagree about."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_NUMBER = re.compile(
    r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))"
    r"|\.(?:nan|NaN|NAN)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_DURATION = re.compile(r"(0|[1-9][0-9]{0,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_OTHERWISE = frozenset(("", *"~nNtTfF+-.0123456789"))
"""How everything begins that is not text; most words can be told by that."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST_YEAR = 2000
LAST_YEAR = 2100


def other_meaning(text: str) -> str | None:
    """What an unquoted scalar is to a YAML 1.1 or 1.2 reader other than text, or None.

    ``yes``, ``no``, ``on`` and ``off`` are text here (YAML 1.2 core schema, chapter 10.3).
    """
    if text[:1] not in _OTHERWISE:
        return None
    if text in ("", "~", "null", "Null", "NULL"):
        return "nothing"
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return f"the boolean {text}"
    if _NUMBER.fullmatch(text):
        return f"the number {text[:40]}"
    if _DATE.fullmatch(text):
        return f"the date {text[:40]}"
    return None


def parse_instant(text: str) -> int | None:
    """Microseconds since 1970 UTC of an RFC 3339 date-time between 2000 and 2100, or None.

    The zone is required; ``-00:00`` (RFC 3339 section 4.3: zone unknown) is none.
    """
    if not _INSTANT.fullmatch(text) or text.endswith("-00:00"):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        return None
    return (moment - _EPOCH) // _MICROSECOND


def parse_duration(text: str) -> int | None:
    """Seconds of ``45s``, ``30m``, ``72h`` or ``7d``, or None."""
    match = _DURATION.fullmatch(text)
    return int(match.group(1)) * _SECONDS[match.group(2)] if match else None
