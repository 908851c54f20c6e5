"""Reports from outside as drafts of records that nobody can take for our own."""

from __future__ import annotations

from typing import Any

from app.ingest.model import Reported
from manifests import times
from manifests.canonical import MAX_INTEGER
from manifests.errors import ManifestError
from manifests.record import Draft, Facts, facts

OUTSIDE = "external/"
"""No trace and no resource of ours begins so."""

MAX_DEPTH = 32
"""Of lists and objects inside each other: whoever reads the log later, with whatever program, must manage too."""


class ReportError(Exception):
    """A report cannot be recorded as it is. ``place`` is a path into the request such as ``$.records[3].data.loss``."""

    def __init__(self, place: str, expected: str, found: str) -> None:
        super().__init__(f"{place}: expected {expected}, found {found}")
        self.place = place
        self.expected = expected
        self.found = found


def draft(reported: Reported, place: str, *, actor: str, at: int, request_id: str) -> Draft:
    """``at``: when it was received, which is the record's time; the sender's own stands in its data. Raises
    ReportError."""
    return Draft(
        trace_id=OUTSIDE + reported.trace,
        ts=at,
        stage="system",
        event="external.reported",
        component="ingest",
        action=reported.action,
        resource=OUTSIDE + (reported.resource or reported.trace),
        actor_ref=actor,
        outcome=reported.outcome or "",
        request_id=reported.request_id or request_id,
        data=_facts(reported, place),
    )


def _facts(reported: Reported, place: str) -> Facts:
    _check(reported.data, f"{place}.data")
    told: dict[str, Any] = {"reported": reported.data}
    if reported.occurred_at is not None:
        told["occurred_at"] = _instant(reported.occurred_at, f"{place}.occurred_at")
    return facts(told)


def _instant(text: str, place: str) -> str:
    """In UTC."""
    try:
        return times.to_rfc3339(times.from_rfc3339(text))
    except (ManifestError, OverflowError) as error:
        raise ReportError(place, "an instant such as 2026-11-20T10:00:00Z", text[:40]) from error


def _check(value: Any, place: str, depth: int = MAX_DEPTH) -> None:
    """Says where the value has no canonical form (see manifests.canonical), or is nested too deep."""
    if not depth and isinstance(value, dict | list):
        raise ReportError(place[:200], f"at most {MAX_DEPTH} lists and objects inside each other", "more")
    if isinstance(value, dict):
        for key, item in value.items():
            if not key.isascii():
                raise ReportError(place, "ASCII names", repr(key)[:80])
            _check(item, f"{place}.{key}", depth - 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check(item, f"{place}[{number}]", depth - 1)
    elif isinstance(value, float):
        raise ReportError(place, "no number with a fraction or exponent (write it as text)", repr(value))
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ReportError(place, "an integer below 2^53 (write it as text)", str(value)[:40])
