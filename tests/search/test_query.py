"""Every question gets the records that a look at each record would give, in whatever state the index is."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audit.errors import RecordAlteredError
from app.audit.reading import read_only
from app.clock import new_id
from app.db.database import Database
from app.db.tx import Tx
from app.search import index, query, span, times
from app.search.checking import differences
from app.search.errors import IndexAlteredError
from app.search.indexer import Indexer
from app.search.model import Query
from manifests.record import Draft
from tests.db.opened import opened
from tests.search.made import AT, LOG, SEQUENCER, brute, draft, indexed, newest_first, oldest_first, stage

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


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """One for all examples: each has a log of its own."""
    async with opened(database_url, SEQUENCER) as found:
        yield found


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    drafts=st.lists(DRAFTS, min_size=1, max_size=60),
    asked=st.lists(QUERIES, min_size=6, max_size=12),
    share=st.integers(0, 4),
    limit=st.integers(1, 9),
    tight=st.booleans(),
)
async def test_pages_hold_what_a_look_at_every_record_finds(
    database: Database, drafts: list[Draft], asked: list[Query], share: int, limit: int, tight: bool
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


LONG = "w" * 200


ODD = [
    (Query(actor=LONG + "1"), [1]),
    (Query(actor=LONG), [0]),
    (Query(action=LONG + "2"), [2]),
    (Query(resource=f"{LONG}/1/*"), [1]),
    (Query(resource=f"{LONG}/*"), [1, 2]),
    (Query(resource=f"{LONG}/1/x"), [1]),
    (Query(actor="a\0b"), [3]),
    (Query(actor="a\ufffdb"), [4]),
    (Query(actor="' OR 1=1 --"), []),
    (Query(outcome="%"), [5]),
    (Query(resource="x%/*"), [5]),
]


async def test_words_of_any_length_and_letters_are_found(database: Database) -> None:
    drafts = [
        draft(actor=LONG, resource="x"),
        draft(actor=LONG + "1", resource=f"{LONG}/1/x"),
        draft(action=LONG + "2", resource=f"{LONG}/2/x"),
        draft(actor="a\0b"),
        draft(actor="a\ufffdb"),
        draft(outcome="%", resource="x%/1"),
        draft(outcome="x", resource="xx/1"),
    ]
    await stage(database, drafts)
    for upto in (0, 3, 7):
        await indexed(database, upto)
        for asked, expected in ODD:
            found = await database.read(partial(oldest_first, wanted=asked, limit=2))
            assert found == expected, (asked, upto)


async def test_pages_neither_skip_nor_repeat_while_records_come(database_url: str) -> None:
    """Records are added and indexed between any two pages; what was there at the first is answered once."""
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft(AT + number, actor=f"a{number % 3}") for number in range(30)])
        wanted, found, before = Query(actor="a1"), [], None
        expected = await database.read(lambda tx: brute(tx, wanted))
        indexer = Indexer(database)
        for turn in itertools.count():
            page = await database.read(partial(query.page, log=LOG, query=wanted, before=before, limit=3))
            found += [record.seq for record in page.records]
            before = page.following
            if before is None:
                break
            await stage(database, [draft(actor="a1"), draft(actor="a2")])
            if turn % 2:
                assert await indexer.catch_up()
        assert found == expected[::-1]
        assert await database.read(lambda tx: oldest_first(tx, wanted, 2)) == await database.read(
            lambda tx: brute(tx, wanted)
        )


async def test_a_page_says_how_far_it_looked_when_little_fits(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "ENOUGH", 20)
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft(actor="a", outcome="b" if number == 3 else "c") for number in range(200)])
        await indexed(database, 200)
        page = await database.read(
            partial(query.page, log=LOG, query=Query(resource="release/*", outcome="b"), limit=5)
        )
        assert [record.seq for record in page.records] == [3]
        monkeypatch.setattr(index, "FEW", 1)
        page = await database.read(partial(query.page, log=LOG, query=Query(actor="a", outcome="b"), limit=5))
        assert page.cut_short is False
        page = await database.read(partial(query.page, log=LOG, query=Query(trace="t1", outcome="b"), limit=5))
        assert (page.records, page.cut_short) == ((), True)
        assert page.following is not None
        assert 0 < page.following < 200
        assert await database.read(lambda tx: newest_first(tx, Query(trace="t1", outcome="b"), 5)) == [3]


async def test_an_answer_tells_how_far_the_index_is(database_url: str) -> None:
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft() for _ in range(9)])
        await indexed(database, 4)
        page = await database.read(partial(query.page, log=LOG, query=Query(outcome="wait"), limit=20))
        assert (page.size, page.indexed, len(page.records)) == (9, 4, 9)


async def test_clocks_that_were_set_back_hide_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "BLOCK", 8)
    instants = [AT + (number if number % 10 else -1000 * number) for number in range(100)]
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft(at) for at in instants])
        await indexed(database, 96)
        for since, until in (
            (AT, AT + 20),
            (AT - 50_000, AT),
            (AT + 95, AT + 99),
            (None, AT - 80_000),
            (AT + 98, None),
        ):
            asked = Query(since=since, until=until)
            expected = await database.read(partial(brute, wanted=asked))
            assert await database.read(partial(newest_first, wanted=asked, limit=4)) == expected[::-1]
            assert await database.read(partial(oldest_first, wanted=asked, limit=4)) == expected


async def test_a_long_trace_is_entered_in_its_middle(database_url: str) -> None:
    rng = random.Random(7)
    traces = [rng.choice(["long", "short", "other"]) for _ in range(300)]
    async with opened(database_url, SEQUENCER) as database:
        await stage(database, [draft(trace=trace) for trace in traces])
        expected = [seq for seq, trace in enumerate(traces) if trace == "long"]
        for before in (0, 1, 5, 150, 299, 300):
            page = await database.read(
                partial(query.page, log=LOG, query=Query(trace="long"), before=before, limit=500)
            )
            assert [one.seq for one in page.records] == [seq for seq in reversed(expected) if seq < before]
            found = await database.read(
                partial(query.oldest_first, log=LOG, query=Query(trace="long"), after=before, limit=500)
            )
            assert [one.seq for one in found] == [seq for seq in expected if seq > before]


def tampered(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            if " records " in statement:
                connection.executescript("DROP TRIGGER records_no_update; DROP TRIGGER records_no_delete;")
            assert connection.execute(statement).rowcount > 0
        connection.commit()


@pytest.fixture
async def log(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, SEQUENCER) as database:
        await stage(database, [draft(AT + number, actor=f"a{number % 2}", action="read") for number in range(40)])
        await indexed(database, 30)
    return url


@pytest.mark.parametrize(
    ("statement", "asked", "says"),
    [
        ("UPDATE record_index SET actor = 'x' WHERE seq = 9", Query(action="read"), "expected actor 'a1'"),
        ("UPDATE record_index SET at = at + 1 WHERE seq = 9", Query(actor="a1"), "expected at "),
        ("UPDATE record_index SET outcome = x'00' WHERE seq = 9", Query(actor="a1"), "expected outcome"),
        ("UPDATE record_index SET resource = 'x' WHERE seq = 9", Query(trace="t1"), "expected resource"),
        ("UPDATE record_index SET mark = 0 WHERE seq = 9", Query(), "expected mark"),
        ("DELETE FROM record_index WHERE seq = 9", Query(trace="t1"), "expected a row in the search index, found none"),
    ],
)
async def test_an_altered_row_of_the_index_is_an_error(
    log: str, tmp_path: Path, statement: str, asked: Query, says: str
) -> None:
    tampered(tmp_path / "log.db", statement)
    with pytest.raises(IndexAlteredError, match=says) as caught:
        read_only(log, lambda tx: newest_first(tx, asked, 50))
    assert caught.value.seq == 9
    assert "audit index --apply" in str(caught.value)


@pytest.mark.parametrize("seq", [9, 35])
@pytest.mark.parametrize("asked", [Query(), Query(actor="a1"), Query(trace="t1"), Query(since=AT)], ids=str)
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ('UPDATE records SET body = CAST(replace(body, \'"note":""\', \'"note":"!"\') AS BLOB) WHERE seq = {}', "hash"),
        ("UPDATE records SET body = CAST('' AS BLOB) WHERE seq = {}", "hash"),
        ("UPDATE records SET at = 5 WHERE seq = {}", "expected at"),
    ],
)
async def test_an_altered_record_is_an_error(
    log: str, tmp_path: Path, seq: int, asked: Query, statement: str, says: str
) -> None:
    tampered(tmp_path / "log.db", statement.format(seq))
    with pytest.raises(RecordAlteredError, match=says) as caught:
        read_only(log, lambda tx: newest_first(tx, asked, 50))
    assert caught.value.seq == seq


async def test_a_record_that_only_the_index_knows_is_missed(log: str, tmp_path: Path) -> None:
    tampered(tmp_path / "log.db", "DELETE FROM records WHERE seq = 9")
    with pytest.raises(RecordAlteredError, match="expected a record of this number, found none"):
        read_only(log, lambda tx: newest_first(tx, Query(actor="a1"), 50))


@pytest.mark.parametrize(
    ("statement", "seq", "says"),
    [
        ("DELETE FROM record_index WHERE seq = 9", 9, "expected a row in the search index, found none"),
        ("UPDATE record_index SET actor = 'x' WHERE seq = 9", 9, "expected actor 'a1'"),
        ("UPDATE record_index SET mark = 1 WHERE seq = 9", 9, "expected mark"),
        ("INSERT INTO record_index SELECT log, 99, at, actor, action, event, outcome, resource, mark FROM record_index"
         " WHERE seq = 9", 99, "expected no row from number 30 on"),
        ("UPDATE record_index_blocks SET at_min = at_min + 1", 0, "times to cover"),
        ("DELETE FROM record_index_blocks", 0, "times to cover"),
        ("UPDATE record_index_heads SET size = 41", 40, "at most 40 records"),
        ("UPDATE record_index_heads SET size = 31", 30, "found none"),
        ("UPDATE records SET body = CAST(replace(body, '\"read\"', '\"rEad\"') AS BLOB) WHERE seq = 9", 9,
         "action 'rEad'"),
        ("DELETE FROM records WHERE seq = 9", 9, "expected no row without a record"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_the_index_is_found(
    log: str, tmp_path: Path, statement: str, seq: int, says: str
) -> None:
    assert read_only(log, lambda tx: list(differences(tx, LOG))) == []
    tampered(tmp_path / "log.db", statement)
    found = read_only(log, lambda tx: list(differences(tx, LOG)))
    assert seq in [one.seq for one in found]
    assert says in next(one for one in found if one.seq == seq).what


async def test_an_index_made_anew_is_right_again(log: str, tmp_path: Path) -> None:
    tampered(tmp_path / "log.db", "DELETE FROM record_index WHERE seq < 20")
    async with opened(log, SEQUENCER) as database:
        await database.write(lambda tx: index.forget(tx, LOG))
        assert await database.read(lambda tx: newest_first(tx, Query(actor="a1"), 7)) == list(range(39, 0, -2))
        await Indexer(database).catch_up()
        assert await database.read(lambda tx: list(differences(tx, LOG))) == []
        assert await database.read(lambda tx: index.size(tx, LOG)) == 40
