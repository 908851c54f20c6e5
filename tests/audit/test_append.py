"""Records added directly: callers share a commit, each is told its own place; a full or failing log says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from sqlalchemy import text

from app.audit import store
from app.audit.append import Appender, LogFullError
from app.audit.sequence import Appended, LogSequencer
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.metrics import Metrics
from manifests import record
from manifests.canonical import MAX_INTEGER
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from manifests.merkle import leaf_hash
from manifests.record import Draft
from tests.audit.made import AT, KEY, draft, stage, verified
from tests.db.opened import opened

BODIES = text("SELECT seq, body FROM records WHERE log = :log ORDER BY seq")
SIZES = text("SELECT size FROM checkpoints WHERE log = :log ORDER BY size")


@asynccontextmanager
async def appending(url: str, **limits: int) -> AsyncIterator[tuple[Appender, Database, Metrics]]:
    sequencer, metrics = LogSequencer([KEY]), Metrics()
    async with opened(url, sequencer) as database:
        appender = Appender(database, sequencer, metrics, **limits)
        yield appender, database, metrics
        await appender.close()


def bodies(tx: Tx, log: str = "acme") -> list[bytes]:
    return [bytes(row.body) for row in tx.all(BODIES, log=log)]


def numbers(tx: Tx, log: str = "acme") -> list[int]:
    return [record.parse(body).ts - AT for body in bodies(tx, log)]


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"countersign_{name}", labels) or 0


async def test_callers_share_a_commit_and_each_is_told_its_own_records(database_url: str) -> None:
    async with appending(database_url) as (appender, database, metrics):
        answers = await asyncio.gather(
            *(appender.append("acme", [draft(10 * n, f"t{n % 5}"), draft(10 * n + 1, f"t{n}")]) for n in range(40))
        )
        kept = await database.read(bodies)
        sizes = [row.size for row in await database.read(lambda tx: tx.all(SIZES, log="acme"))]
    assert sorted(answer.first_seq for answer in answers) == list(range(0, 80, 2))
    for n, answer in enumerate(answers):
        mine = kept[answer.first_seq : answer.first_seq + 2]
        assert [record.parse(body).ts - AT for body in mine] == [10 * n, 10 * n + 1]
        assert answer.leaves == tuple(map(leaf_hash, mine))
    assert sizes[-1] == 80
    assert len(sizes) < 40, "fewer commits than callers"
    assert value(metrics, "log_appended_total", log="acme") == 80
    assert value(metrics, "log_queue") == 0
    assert (await verified(database_url)).findings == ()


async def test_a_full_queue_refuses_at_once_takes_nothing_and_goes_on(database_url: str) -> None:
    async with appending(database_url, max_records=10) as (appender, database, metrics):
        waiting = [asyncio.ensure_future(appender.append("acme", [draft(n)])) for n in range(8)]
        await asyncio.sleep(0)
        assert value(metrics, "log_queue") == 8
        with pytest.raises(LogFullError, match="try again"):
            await appender.append("acme", [draft(n) for n in range(100, 103)])
        assert not any(one.done() for one in waiting), "nobody waited for the refusal"
        await appender.append("other", [draft(8), draft(9)])
        await asyncio.gather(*waiting)
        await appender.append("acme", [draft(n) for n in range(100, 110)])
        assert await database.read(numbers) == [*range(8), *range(100, 110)]
    assert value(metrics, "log_refused_total", log="acme") == 3


async def test_records_that_are_long_fill_the_queue_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('log')}/one.db"
    async with appending(url, max_bytes=100_000) as (appender, _, _):
        waiting = asyncio.ensure_future(appender.append("acme", [draft(0, note="x" * 60_000)]))
        await asyncio.sleep(0)
        with pytest.raises(LogFullError):
            await appender.append("acme", [draft(1, note="x" * 60_000)])
        await waiting
        await appender.append("acme", [draft(1, note="x" * 60_000)])


async def test_a_record_that_cannot_be_sealed_fails_only_its_own_call(database_url: str) -> None:
    async with appending(database_url) as (appender, database, _):
        calls = [appender.append("acme", [draft(n)]) for n in range(4)]
        bad = appender.append("acme", [draft(50), draft(51, trace="")])
        answers = await asyncio.gather(*calls, bad, return_exceptions=True)
        assert [type(one) for one in answers] == [Appended] * 4 + [ManifestError]
        assert await database.read(numbers) == [0, 1, 2, 3]
        with pytest.raises(ValueError, match="at least one"):
            await appender.append("acme", [])


def largest(size: int) -> Draft:
    """A record of so many bytes with the largest numbers that there can be."""
    made = partial(record.seal, log="acme", seq=MAX_INTEGER, tseq=MAX_INTEGER, prev=record.FIRST_PREV)
    found = draft(0, note="x" * (size - len(made(draft(0)))))
    assert len(record.seal(draft(0), log="acme", seq=0, tseq=0, prev=record.FIRST_PREV)) < size
    return found


async def test_a_record_of_65535_bytes_is_taken_and_one_more_is_refused(database_url: str) -> None:
    async with appending(database_url) as (appender, database, _):
        await appender.append("acme", [largest(65_535)])
        with pytest.raises(ManifestError, match="65536 bytes"):
            await appender.append("acme", [largest(65_536)])
        with pytest.raises(ManifestError, match="65536 bytes"):
            await stage(database, "acme", [largest(65_536)])
        assert [len(body) > 65_000 for body in await database.read(bodies)] == [True]
    assert (await verified(database_url)).findings == ()


TEXTS = {"NUL": "a\0b", "line separators": "\u2028\u2029\x85", "quotes": '","prev":"', "far planes": "\U0010ffff\ue000"}


@pytest.mark.parametrize("odd", TEXTS.values(), ids=TEXTS)
async def test_odd_text_comes_back_as_it_went_in(database_url: str, odd: str) -> None:
    resource = odd.replace("\0", "")
    async with appending(database_url) as (appender, database, _):
        await appender.append("acme", [draft(0, f"t{resource}", resource, note=odd), draft(1, f"t{resource}")])
        found = await database.read(lambda tx: store.record_at(tx, "acme", 0))
    assert found is not None
    assert found.resource == resource
    assert record.facts({"note": odd, "number": 0}) == found.data
    assert (await verified(database_url)).findings == ()


@pytest.mark.parametrize("bad", [draft(0, resource="\ud800"), draft(0, "t\0"), draft(0, resource="r\0")])
async def test_text_that_no_database_keeps_is_refused_before_it_can_stop_the_log(database_url: str, bad: Draft) -> None:
    async with appending(database_url) as (appender, database, _):
        with pytest.raises(ManifestError):
            await appender.append("acme", [bad])
        with pytest.raises(ManifestError):
            await stage(database, "acme", [bad])
        await stage(database, "acme", [draft(1)])
        assert await database.read(numbers) == [1]


async def test_the_clock_may_jump_but_numbers_only_grow(database_url: str) -> None:
    jumps = [0, 10**12, 5, -(10**12), 10**12 + 1, 6]
    async with appending(database_url) as (appender, database, _):
        for jump in jumps:
            await appender.append("acme", [draft(jump, "t")])
        assert await database.read(numbers) == jumps
        assert await database.read(lambda tx: store.head(tx, "acme")) == store.LogHead(6, AT + 10**12 + 1)
    assert (await verified(database_url)).findings == ()


async def test_a_caller_who_went_away_leaves_the_others_theirs(database_url: str) -> None:
    async with appending(database_url) as (appender, database, metrics):
        gone = asyncio.ensure_future(appender.append("acme", [draft(0)]))
        waiting = asyncio.ensure_future(appender.append("acme", [draft(1)]))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await waiting).first_seq == 1
        assert await database.read(numbers) == [0, 1]
        assert value(metrics, "log_queue") == 0


async def test_closing_finishes_what_was_accepted(database_url: str) -> None:
    async with appending(database_url) as (appender, _, _):
        waiting = [asyncio.ensure_future(appender.append("acme", [draft(n)])) for n in range(20)]
        await asyncio.sleep(0)
        await appender.close()
        assert all(one.done() for one in waiting)
        assert sorted(one.result().first_seq for one in waiting) == list(range(20))


TAMPERED = {
    "the head is gone": "DELETE FROM log_heads",
    "the head was moved back": "UPDATE log_heads SET size = 1, frontier = (SELECT frontier FROM old)",
    "a trace's end is gone": "DELETE FROM trace_heads WHERE trace_id = 't'",
    "a trace's end was moved back": "UPDATE trace_heads SET tseq = 0 WHERE trace_id = 't'",
}


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED)
async def test_nothing_is_added_where_the_log_does_not_end(
    database_url: str, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.postgres.SEQUENCED_WITHIN_S", 0.5)
    async with appending(database_url) as (appender, database, metrics):
        await appender.append("acme", [draft(0, "t")])
        await database.write(lambda tx: tx.run(text("CREATE TABLE old AS SELECT frontier FROM log_heads")))
        await appender.append("acme", [draft(1, "t"), draft(2, "t")])
        await database.write(lambda tx: tx.run(text(statement)))
        waiting = [appender.append("acme", [draft(9, "t")]) for _ in range(3)]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(one) for one in answers} == {DatabaseUnavailableError}
        with pytest.raises(DatabaseUnavailableError):
            await stage(database, "acme", [draft(9, "t")])
        assert await database.read(numbers) == [0, 1, 2]
        assert value(metrics, "alarms_total", kind="log") >= 1
        assert value(metrics, "log_queue") == 0
        await appender.append("beta", [draft(0)])


async def test_direct_and_staged_records_of_several_replicas_never_fork_a_log(postgres_url: str) -> None:
    async def replica(number: int) -> None:
        async with appending(postgres_url) as (appender, database, _):
            direct = (appender.append("acme", [draft(n, f"t{n % 7}"), draft(n, f"r{number}")]) for n in range(30))
            staged = (stage(database, "acme", [draft(n, f"t{n % 7}"), draft(n, "s")]) for n in range(15))
            await asyncio.gather(*direct, *staged)

    async with appending(postgres_url):
        await asyncio.gather(*(replica(number) for number in range(3)))
    report = await verified(postgres_url)
    assert report.findings == ()
    assert report.records == 3 * 90


async def test_a_log_without_a_key_is_a_failing_log(database_url: str) -> None:
    keys: list[PrivateKey] = []
    metrics = Metrics()
    sequencer = LogSequencer(lambda tx, log, drafts: [keys[0]])
    async with opened(database_url, sequencer) as database:
        appender = Appender(database, sequencer, metrics)
        with pytest.raises(DatabaseUnavailableError):
            await appender.append("acme", [draft(0)])
        keys.append(KEY)
        assert (await appender.append("acme", [draft(1)])).first_seq == 0
    assert value(metrics, "alarms_total", kind="log") == 1
