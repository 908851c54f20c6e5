"""Which rows to go through for a question, and by which index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from app.db.tx import Tx
from app.search import bodies, index, times
from app.search.model import Query
from app.search.span import Looked, Read, Span

Part = tuple[Span, Read]


class Plan:
    """For one question, one order, and an index that has come to ``indexed``."""

    def __init__(self, tx: Tx, log: str, query: Query, indexed: int, *, newest_first: bool) -> None:
        self._tx = tx
        self._log = log
        self._query = query
        self._indexed = indexed
        self._newest_first = newest_first

    def parts(self, span: Span) -> Iterator[Part]:
        """Stretches of ``span`` in order, with what reads them. What none of them covers holds nothing that fits."""
        query = self._query
        recent = Span(max(span.low, self._indexed), span.high)
        settled = Span(span.low, min(span.high, self._indexed))
        if any((query.trace, query.resource, query.actor, query.action, query.event, query.outcome)):
            settled = times.narrow(self._tx, self._log, query, settled)
        if query.trace or (query.resource and not query.prefix):
            whole = settled if recent.empty else recent if settled.empty else Span(settled.low, recent.high)
            yield whole, self._bodies(bodies.read_trace if query.trace else bodies.read_resource)
        elif self._newest_first:
            yield recent, self._bodies(bodies.read_all)
            yield from self._by_index(settled)
        else:
            yield from self._by_index(settled)
            yield recent, self._bodies(bodies.read_all)

    def _bodies(self, source: Callable[..., Looked]) -> Read:
        return lambda span, most: source(
            self._tx, self._log, span, most, self._query, newest_first=self._newest_first
        )  # fmt: skip

    def _by_index(self, span: Span) -> Iterator[Part]:
        if span.empty:
            return
        column, few = self._leading(span)
        prefix = self._query.prefix
        if not few and prefix and index.count_under(self._tx, self._log, prefix) <= index.FEW_RESOURCES:
            yield span, self._under
        elif column:
            yield span, partial(self._by_column, column)
        else:
            for part in times.spans(self._tx, self._log, self._query, span, newest_first=self._newest_first):
                yield part, self._all

    def _leading(self, span: Span) -> tuple[str, bool]:
        """The column whose word is rarest, and whether few rows have it; no column if none is asked for."""
        asked = [column for column in index.WORDS if getattr(self._query, column)]
        if not asked or (len(asked) == 1 and not self._query.prefix):
            return (asked[0] if asked else ""), False
        rarest, farthest = asked[0], -1
        for column in asked:
            value = index.word(getattr(self._query, column))
            reached = index.reach(self._tx, self._log, column, value, span, newest_first=self._newest_first)
            if reached is None:
                return column, True
            distance = span.high - reached if self._newest_first else reached - span.low
            if distance > farthest:
                rarest, farthest = column, distance
        return rarest, False

    def _by_column(self, column: str, span: Span, most: int) -> Looked:
        return index.read_by(self._tx, self._log, column, span, most, self._query, newest_first=self._newest_first)

    def _under(self, span: Span, _most: int) -> Looked:
        return index.read_under(self._tx, self._log, span, self._query, newest_first=self._newest_first)

    def _all(self, span: Span, most: int) -> Looked:
        return index.read_all(self._tx, self._log, span, most, self._query, newest_first=self._newest_first)
