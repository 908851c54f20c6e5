"""Questions to a log of a million records, each answer a page of 100 verified records.

The log is made through the driver, with signatures and tree left out: nothing here reads them. On SQLite, and on
PostgreSQL where it can be started. ``.at.<size>`` tells how much longer a page of 10 takes in a longer log: questions
that so many records fit at every size.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text

from app.audit.rows import copy, sqlite_of
from app.db.database import Database
from app.db.tx import Tx
from app.search import index, query
from app.search.model import Query, fields
from app.search.span import Span
from manifests import record
from manifests.merkle import Frontier, leaf_hash
from manifests.record import Draft, facts
from manifests.vocabulary import Event
from tests.benchmarks import databases
from tests.benchmarks.result import Measured, main
from tests.db.opened import opened

SIZES = (10_000, 100_000, 1_000_000)
QUICK = (10_000, 200_000)
ASKED = 1_000
ASKED_QUICK = 300
PAGE = 100
SHORT = 10
GROWING = ("trace", "resource", "action", "outcome", "time")
PER_UNIT = 10_000
LOG = "acme"
AT = 1_790_000_000_000_000
APART = 100_000
"""Microseconds from one record to the next."""

HOUR = 3_600_000_000
_COLUMNS = ("log", "seq", "trace_id", "tseq", "resource", "event", "at", "leaf", "body")
_ADD = f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_HEAD = text(
    "INSERT INTO log_heads (log, size, frontier, last_at) VALUES (:log, :size, :frontier, 0)"
    " ON CONFLICT (log) DO UPDATE SET size = excluded.size"
)
_EVENTS: tuple[Event, ...] = ("verdict.recorded", "grant.recorded", "change.updated", "decision.recorded")
_OUTCOMES = ("wait", "allow", "deny", "ok", "void")

Ask = Callable[[random.Random, int], Query]
ASKS: dict[str, Ask] = {
    "trace": lambda rng, size: Query(trace=f"{rng.randrange(size) // 40:032x}"),
    "resource": lambda rng, size: Query(resource=f"release/{rng.randrange(size) // 40}"),
    "prefix": lambda rng, size: Query(resource=f"grant/{rng.randrange(size) // 40}/*"),
    "actor": lambda rng, size: Query(actor=_person(rng)),
    "action": lambda rng, size: Query(action=f"action{rng.randrange(20)}"),
    "outcome": lambda rng, size: Query(outcome=rng.choice(_OUTCOMES)),
    "time": lambda rng, size: _hour(rng, size, Query()),
    "combined": lambda rng, size: _hour(rng, size, Query(outcome="deny", event=rng.choice(_EVENTS))),
    "combined_actor": lambda rng, size: Query(actor=_person(rng), outcome="deny", event=rng.choice(_EVENTS)),
}


async def measure(quick: bool) -> list[Measured]:
    found: list[Measured] = []
    async with databases.folder() as folder:
        for name, url in (("sqlite", f"sqlite:///{folder}/log.db"), ("postgresql", "")):
            async with _address(folder, url) as address:
                if address:
                    found += await _measure(name, address, quick)
    return found


async def _measure(name: str, url: str, quick: bool) -> list[Measured]:
    sizes, asked = (QUICK, ASKED_QUICK) if quick else (SIZES, ASKED)
    found = []
    short: dict[str, list[float]] = {what: [] for what in GROWING}
    made = 0
    async with opened(url) as database:
        for size in sizes:
            await _fill(database, made, size)
            made = size
            for what, medians in short.items():
                medians.append((await _ask(database, ASKS[what], size, asked, SHORT)).p50)
        for what, ask in ASKS.items():
            took = await _ask(database, ask, made, asked, PAGE)
            found.append(Measured(f"query.{name}.{what}.p50", took.p50, "ms"))
            found.append(Measured(f"query.{name}.{what}.p99", took.p99, "ms", "≤", 5))
            found.append(Measured(f"query.{name}.{what}.processor.p99", took.processor, "ms"))
    for what, medians in short.items():
        times = f"x of {sizes[0]}"
        for size, median in zip(sizes[1:], medians[1:], strict=True):
            found.append(Measured(f"query.{name}.{what}.at.{size}", median / medians[0], times, scaled=False))
    return found


class Took(NamedTuple):
    """Milliseconds; ``processor`` is the p99 of what the reading thread itself used, which neighbours do not change."""

    p50: float
    p99: float
    processor: float


async def _ask(database: Database, ask: Ask, size: int, asked: int, limit: int) -> Took:
    rng = random.Random(size)
    questions = [ask(rng, size) for _ in range(asked)]

    def unit(tx: Tx) -> tuple[list[float], list[float]]:
        took, used = [], []
        for question in questions:
            started, began = time.perf_counter(), time.thread_time()
            query.page(tx, LOG, question, limit=limit)
            used.append((time.thread_time() - began) * 1000)
            took.append((time.perf_counter() - started) * 1000)
        return sorted(took), sorted(used)

    took, used = await database.read(unit)
    return Took(took[asked // 2], took[asked * 99 // 100], used[asked * 99 // 100])


async def _fill(database: Database, first: int, end: int) -> None:
    for low in range(first, end, PER_UNIT):
        span = Span(low, min(end, low + PER_UNIT))
        await database.write(lambda tx, span=span: _add(tx, span))  # type: ignore[misc]
    if database.dialect == "postgresql":
        # What autovacuum does by itself, a minute later.
        await database.write(lambda tx: (tx.run(text("ANALYZE records")), tx.run(text("ANALYZE record_index"))))


def _add(tx: Tx, span: Span) -> None:
    tx.run(_HEAD, log=LOG, size=span.high, frontier=Frontier().to_bytes())
    rows = list(_rows(span))
    sqlite = sqlite_of(tx)
    if sqlite is not None:
        sqlite.executemany(_ADD, rows)
    else:
        copy(tx, "records", _COLUMNS, rows)
    index.add(tx, LOG, span, [index.entry(row[1], fields(row[8])) for row in rows])


def _rows(span: Span) -> Iterator[tuple[str, int, str, int, str, str, int, bytes, bytes]]:
    for seq in range(*span):
        rng = random.Random(seq)
        trace, tseq = seq // 40, seq % 40
        draft = Draft(
            trace_id=f"{trace:032x}", ts=AT + seq * APART + rng.randrange(20 * APART), stage="verify",
            event=rng.choice(_EVENTS), component="gate", action=f"action{min(rng.randrange(20), rng.randrange(20))}",
            actor_ref=_person(rng), outcome=rng.choices(_OUTCOMES, (60, 20, 15, 4, 1))[0],
            resource=f"release/{trace}" if tseq % 4 else f"grant/{trace}/{tseq}", data=facts({"note": "x" * 60}),
        )  # fmt: skip
        body = record.seal(draft, log=LOG, seq=seq, tseq=tseq, prev="0" * 64)
        yield LOG, seq, draft.trace_id, tseq, draft.resource, draft.event, draft.ts, leaf_hash(body), body


def _person(rng: random.Random) -> str:
    """A few do most."""
    return f"{int(300 * rng.random() ** 3):032x}"


def _hour(rng: random.Random, size: int, asked: Query) -> Query:
    since = AT + rng.randrange(size) * APART
    return Query(since=since, until=since + HOUR, event=asked.event, outcome=asked.outcome)


@asynccontextmanager
async def _address(folder: Path, url: str) -> AsyncIterator[str]:
    if url:
        yield url
        return
    try:
        async with databases.postgres(folder) as address:
            yield address
    except ImportError:
        yield ""


if __name__ == "__main__":
    main(measure, __doc__)
