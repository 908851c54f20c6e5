"""Instants as text: microseconds since 1970 UTC and RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from manifests.errors import ManifestError
from manifests.refusal import refusal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_rfc3339(instant: int) -> str:
    """``2026-11-20T10:00:00.000001Z``; the fraction is left out when it is zero."""
    return (_EPOCH + instant * _MICROSECOND).replace(tzinfo=None).isoformat() + "Z"


def from_rfc3339(text: str) -> int:
    """Microseconds since 1970 UTC. Raises ManifestError unless ``text`` is a date and time with an offset."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise _unreadable(text) from error
    if instant.tzinfo is None:
        raise _unreadable(text)
    return (instant - _EPOCH) // _MICROSECOND


def _unreadable(text: str) -> ManifestError:
    return refusal(
        "time.unreadable",
        f"expected an instant such as 2026-11-20T10:00:00Z, found {text[:40]!r}.",
        "Write date, time and offset.",
    )
