"""A stretch of a log's numbers, and the order in which it is gone through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

MOST_PER_READ = 2_000


class Span(NamedTuple):
    """Records with ``low`` <= seq < ``high``."""

    low: int
    high: int

    @property
    def empty(self) -> bool:
        return self.low >= self.high

    def beyond(self, seq: int, *, newest_first: bool) -> Span:
        """What is left once everything up to and with ``seq`` was seen."""
        return Span(self.low, min(self.high, seq)) if newest_first else Span(max(self.low, seq + 1), self.high)


class Looked(NamedTuple):
    """Some rows in order: the numbers that may fit, how many were looked at and what that cost in rows of an index,
    the last of them (None: there are no more)."""

    fitting: Sequence[int]
    rows: int
    cost: int
    last: int | None


Read = Callable[[Span, int], Looked]
"""Reads at most so many rows from one end of a span."""


class Step(NamedTuple):
    """``edge``: newest first, all from this number on was looked at; oldest first, all below it."""

    fitting: Sequence[int]
    cost: int
    edge: int


def walk(read: Read, span: Span, *, newest_first: bool, wanted: int) -> Iterator[Step]:
    """Through a span in reads as long as what was found so far lets expect that ``wanted`` rows need."""
    most, found, seen = wanted, 0, 0
    while not span.empty:
        fitting, rows, cost, last = read(span, most)
        if last is None:
            span = Span(span.low, span.low) if newest_first else Span(span.high, span.high)
        else:
            span = span.beyond(last, newest_first=newest_first)
        yield Step(fitting, cost, span.high if newest_first else span.low)
        found, seen = found + len(fitting), seen + rows
        left = max(wanted - found, 1)
        most = max(32, min(4 * most, left * seen * 5 // 4 // max(found, 1), MOST_PER_READ))
