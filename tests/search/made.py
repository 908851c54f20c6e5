"""Logs to search in, and the answer that needs no index."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.audit import store
from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.db.tx import Tx
from app.search import index, query
from app.search.index import Entry
from app.search.model import Fields, Query, fits
from app.search.span import Span
from manifests.keys import PrivateKey
from manifests.record import Draft, Record, facts

LOG = "acme"
AT = 1_790_000_000_000_000
SEQUENCER = LogSequencer([PrivateKey.generate("ed25519")])


def draft(
    at: int = AT, *, actor: str = "", action: str = "", event: str = "verdict.recorded", outcome: str = "wait",
    resource: str = "release/1", trace: str = "t1", note: str = "",
) -> Draft:  # fmt: skip
    return Draft(
        trace_id=trace, ts=at, stage="verify", event=event, component="gate", resource=resource,  # type: ignore[arg-type]
        action=action, actor_ref=actor, outcome=outcome, data=facts({"note": note}),
    )  # fmt: skip


async def stage(database: Database, drafts: Iterable[Draft], log: str = LOG) -> None:
    todo = list(drafts)

    def unit(tx: Tx) -> None:
        for one in todo:
            tx.stage(log, one)

    await database.write(unit)


async def indexed(database: Database, upto: int, log: str = LOG) -> None:
    """Bring the index to ``upto`` records, in steps that cut blocks in two."""

    def unit(tx: Tx) -> None:
        start = index.size(tx, log)
        for low in range(start, upto, 7):
            span = Span(low, min(low + 7, upto))
            index.add(
                tx, log, span, [entry_of(record) for record in every(tx, log) if span.low <= record.seq < span.high]
            )

    await database.write(unit)


def entry_of(record: Record) -> Entry:
    return index.entry(record.seq, msgspec.convert(record, Fields, from_attributes=True))


def every(tx: Tx, log: str = LOG) -> list[Record]:
    """Oldest first."""
    return list(reversed(store.newest(tx, log, 1 << 30)))


def brute(tx: Tx, wanted: Query, log: str = LOG) -> list[int]:
    return [record.seq for record in every(tx, log) if fits(record, wanted)]


def newest_first(tx: Tx, wanted: Query, limit: int, log: str = LOG) -> list[int]:
    """The numbers on all pages."""
    found: list[int] = []
    before: int | None = None
    while True:
        page = query.page(tx, log, wanted, before=before, limit=limit)
        assert len(page.records) <= limit
        assert page.cut_short or len(page.records) == limit or page.following is None
        found += [record.seq for record in page.records]
        if page.following is None:
            return found
        assert before is None or page.following < before
        before = page.following


def oldest_first(tx: Tx, wanted: Query, limit: int, log: str = LOG) -> list[int]:
    found: list[int] = []
    while page := query.oldest_first(tx, log, wanted, after=found[-1] if found else -1, limit=limit):
        found += [record.seq for record in page]
    return found
