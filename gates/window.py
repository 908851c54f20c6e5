"""Windows: from ``start`` until before ``end``, in microseconds; None means open on that side."""

from __future__ import annotations

from gates.model import Result
from gates.words import instant


def within(at: int, start: int | None, end: int | None, whose: str) -> Result | None:
    """None inside the window; wait before it, fail after it."""
    if end is not None and at >= end:
        return Result(
            "window",
            "fail",
            f"The window of {whose} ended at {instant(end)}.",
            "Agree on a new window; it needs fresh approvals.",
        )
    if start is not None and at < start:
        return Result(
            "window",
            "wait",
            f"The window of {whose} opens at {instant(start)}.",
            f"Deploy after {instant(start)}{f' and before {instant(end)}' if end is not None else ''}.",
        )
    return None


def beginnings(at: int, start: int | None, end: int | None) -> tuple[int, ...]:
    """The boundaries that are still to come."""
    return tuple(moment for moment in (start, end) if moment is not None and moment > at)
