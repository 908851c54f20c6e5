"""Walk through the records that a query finds, oldest first, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from app.db.tx import Tx
from app.exports.model import Ask, Progress, Read
from app.search.query import forward
from manifests.record import Record

PAGE = 256

R = TypeVar("R")


def pages(
    read: Read, ask: Ask, size: int, each: Callable[[Tx, Sequence[Record]], Sequence[R]], progress: Progress
) -> Iterator[Sequence[R]]:
    """What ``each`` makes, in the same look at the database, of those of the log's first ``size`` records that are
    asked for."""
    after: int | None = -1

    def look(tx: Tx) -> tuple[Sequence[R], int | None]:
        assert after is not None
        found = forward(tx, ask.log, ask.query, after=after, limit=PAGE)
        return each(tx, [record for record in found.records if record.seq < size]), found.following

    while after is not None and after + 1 < size:
        made, after = read(look)
        if made:
            yield made
        progress(size if after is None else min(after + 1, size), size)
