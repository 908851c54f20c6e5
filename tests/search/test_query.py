"""Every question gets the records that a look at each record would give, in whatever state the index is."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.clock import new_id
from app.db.tx import Tx
from app.search import index, query, span, times
from app.search.model import Query
from manifests.record import Draft
from tests.db.opened import opened
from tests.search.made import AT, SEQUENCER, brute, draft, indexed, newest_first, oldest_first, stage

WORDS = st.sampled_from(["", "a", "b", "A", "ab"])
RESOURCES = st.sampled_from(["", "x", "x/", "x/1", "x/2", "x/1/y", "x-/1", "x0", "y/1", "Ü/1", "x/*"])
TRACES = st.sampled_from(["t1", "t2", "T1"])
EVENTS = st.sampled_from(["verdict.recorded", "grant.recorded", "head.seen"])
TIMES = st.integers(AT, AT + 12)
DRAFTS = st.builds(
    draft, TIMES, actor=WORDS, action=WORDS, event=EVENTS, outcome=WORDS, resource=RESOURCES, trace=TRACES
)
QUERIES = st.builds(
    Query,
    since=st.none() | TIMES,
    until=st.none() | TIMES,
    actor=WORDS,
    action=WORDS,
    event=st.just("") | EVENTS,
    outcome=WORDS,
    resource=st.sampled_from(["", "", "x", "x/*", "x/1", "x/1/*", "Ü/*", "y/*", "none"]),
    trace=st.just("") | TRACES,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    drafts=st.lists(DRAFTS, min_size=1, max_size=60),
    asked=st.lists(QUERIES, min_size=6, max_size=12),
    share=st.integers(0, 4),
    limit=st.integers(1, 9),
    tight=st.booleans(),
)
async def test_pages_hold_what_a_look_at_every_record_finds(
    database_url: str, drafts: list[Draft], asked: list[Query], share: int, limit: int, tight: bool
) -> None:
    log = new_id()

    def unit(tx: Tx) -> None:
        for one in asked:
            expected = brute(tx, one, log)
            assert newest_first(tx, one, limit, log) == expected[::-1], one
            assert oldest_first(tx, one, limit, log) == expected, one

    with pytest.MonkeyPatch.context() as patch:
        if tight:
            _tighten(patch)
        async with opened(database_url, SEQUENCER) as database:
            await stage(database, drafts, log)
            await indexed(database, len(drafts) * share // 4, log)
            await database.read(unit)


def _tighten(patch: pytest.MonkeyPatch) -> None:
    """Bounds so low that a few records meet all of them."""
    patch.setattr(times, "BLOCK", 4)
    patch.setattr(times, "_BLOCKS_AT_ONCE", 2)
    patch.setattr(index, "FEW", 3)
    patch.setattr(index, "FEW_RESOURCES", 4)
    patch.setattr(query, "ENOUGH", 5)
    patch.setattr(span, "MOST_PER_READ", 6)
