"""ServiceNow's instants: UTC strings ``YYYY-MM-DD HH:MM:SS`` without a zone, whole seconds.

Source of the rule: Table API, "date/time values are stored and returned in UTC" (display values are not).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)


def parse_instant(text: str) -> int:
    """Microseconds since 1970 UTC of a stored ServiceNow date; ValueError for any other form."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a date like 2026-12-01 18:00:00 (UTC), found {text!r}")
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_instant(instant: int) -> str:
    """The stored form of an instant in microseconds; fractions of a second are cut off."""
    return (_EPOCH + timedelta(microseconds=instant)).strftime("%Y-%m-%d %H:%M:%S")
