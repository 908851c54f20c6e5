"""Work: one at a time per key, nothing forgotten, nothing kept of an attempt that lost its lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from app.clock import SECOND
from app.db.database import Database
from app.db.tx import Tx
from app.work import store
from app.work.runner import Handler, WorkRunner
from app.work.store import Lease, LeaseLostError
from integrations.errors import NotFoundError, RateLimitedError, UnavailableError
from tests.db.opened import opened

NOW = 1_790_000_000 * SECOND
KEY = "pull/1/2"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as found:
        yield found


def claim(most: int = 9, at: int = NOW, lease: int = NOW + 60 * SECOND) -> Callable[[Tx], tuple[Lease, ...]]:
    return lambda tx: store.claim(tx, at, lease, most)


async def mark(database: Database, *keys: str, at: int = NOW) -> None:
    await database.write(lambda tx: store.mark_many(tx, dict.fromkeys(keys, at)))


async def test_what_is_marked_is_claimed_once_until_its_lease_ends(database: Database) -> None:
    await mark(database, KEY)
    (lease,) = await database.write(claim())
    assert (lease.key, lease.attempt, lease.failures) == (KEY, 1, 0)
    assert await database.write(claim()) == ()
    (again,) = await database.write(claim(at=NOW + 60 * SECOND, lease=NOW + 120 * SECOND))
    assert again.attempt == 2


async def test_what_is_due_later_is_not_claimed_and_an_earlier_mark_moves_it_forward(database: Database) -> None:
    await mark(database, KEY, at=NOW + SECOND)
    assert await database.write(claim()) == ()
    await mark(database, KEY, at=NOW)
    await mark(database, KEY, at=NOW + 9 * SECOND)
    assert len(await database.write(claim())) == 1


async def test_no_more_is_claimed_than_asked_for_and_the_oldest_first(database: Database) -> None:
    for number in range(5):
        await mark(database, f"pull/1/{number}", at=NOW - number)
    leases = await database.write(claim(most=2))
    assert {lease.key for lease in leases} == {"pull/1/4", "pull/1/3"}


async def test_a_lost_lease_may_commit_nothing(database: Database) -> None:
    await mark(database, KEY)
    (lease,) = await database.write(claim())
    await database.write(claim(at=NOW + 60 * SECOND, lease=NOW + 120 * SECOND))
    with pytest.raises(LeaseLostError):
        await database.write(lambda tx: store.hold(tx, lease))
    await database.write(lambda tx: store.finish(tx, lease, None))
    await database.write(lambda tx: store.fail(tx, lease, "late", NOW))
    assert await database.read(store.failing) == ()
    assert await database.read(store.next_due) is not None


async def test_a_mark_during_the_work_makes_it_due_again(database: Database) -> None:
    await mark(database, KEY)
    (lease,) = await database.write(claim())
    await mark(database, KEY)
    await database.write(lambda tx: store.finish(tx, lease, None))
    assert await database.read(lambda tx: store.count_due(tx, NOW)) == 1
    (lease,) = await database.write(claim())
    await database.write(lambda tx: store.finish(tx, lease, None))
    assert await database.read(store.next_due) is None


async def test_a_mark_during_an_attempt_that_fails_does_not_wait_for_its_backoff(database: Database) -> None:
    await mark(database, KEY)
    (lease,) = await database.write(claim())
    await mark(database, KEY)
    await database.write(partial(store.fail, lease=lease, error="boom", due=NOW + 300 * SECOND))
    (lease,) = await database.write(claim())
    await database.write(partial(store.fail, lease=lease, error="boom", due=NOW + 300 * SECOND))
    assert await database.write(claim()) == ()


async def test_what_the_clock_changes_rests_until_then(database: Database) -> None:
    await mark(database, KEY)
    (lease,) = await database.write(claim())
    await database.write(lambda tx: store.finish(tx, lease, NOW + 5 * SECOND))
    assert await database.read(store.next_due) == NOW + 5 * SECOND


async def test_failures_are_counted_and_forgotten_after_a_success(database: Database) -> None:
    await mark(database, KEY)
    (lease,) = await database.write(claim())
    await database.write(lambda tx: store.fail(tx, lease, "boom", NOW))
    assert await database.read(store.failing) == ((KEY, 1, "boom", NOW),)
    (lease,) = await database.write(claim())
    assert lease.failures == 1
    await database.write(lambda tx: store.finish(tx, lease, NOW + SECOND))
    assert await database.read(store.failing) == ()


async def test_a_process_that_is_alone_frees_what_its_predecessor_held(database: Database) -> None:
    await mark(database, KEY)
    await database.write(claim())
    await database.write(store.release_all)
    (lease,) = await database.write(claim())
    assert lease.attempt == 2


async def worked(database: Database, handler: Handler, clock: Callable[[], int]) -> None:
    """Runs until the key has been tried."""
    runner = WorkRunner(database, {"pull": handler}, clock, concurrency=2)
    await mark(database, KEY)
    await runner.start()
    while await database.read(lambda tx: store.count_due(tx, clock())) or not runner.idle:
        runner.wake()
        await asyncio.sleep(0.002)
    await runner.stop()


@pytest.mark.parametrize(
    ("error", "earliest", "latest"),
    [
        (UnavailableError("down"), 0.2, 0.8),
        (RateLimitedError("slow down", retry_after=30), 30, 31),
        (RuntimeError("a mistake of ours"), 0.2, 0.8),
        (TimeoutError(), 0.2, 0.8),
    ],
)
async def test_what_fails_is_tried_again_after_a_while_with_its_reason(
    database: Database, error: Exception, earliest: float, latest: float
) -> None:
    async def fail(lease: Lease) -> int | None:
        raise error

    await worked(database, fail, lambda: NOW)
    ((key, failures, why, due),) = await database.read(store.failing)
    assert (key, failures, why) == (KEY, 1, repr(error))
    assert earliest * SECOND <= due - NOW <= latest * SECOND


@pytest.mark.parametrize(
    ("error", "earliest", "latest"), [(UnavailableError("down"), 150, 450), (NotFoundError("gone"), 900, 2700)]
)
async def test_what_failed_often_is_tried_again_within_minutes_and_what_is_gone_seldom(
    database: Database, error: Exception, earliest: float, latest: float
) -> None:
    async def fail(lease: Lease) -> int | None:
        raise error

    await mark(database, KEY)
    for _ in range(20):
        (lease,) = await database.write(claim())
        await database.write(partial(store.fail, lease=lease, error="before", due=NOW))
    await worked(database, fail, lambda: NOW)
    ((_, failures, _, due),) = await database.read(store.failing)
    assert failures == 21
    assert earliest * SECOND <= due - NOW <= latest * SECOND


async def test_an_attempt_that_lost_its_lease_is_no_failure(database: Database) -> None:
    async def lose(lease: Lease) -> int | None:
        raise LeaseLostError("taken over")

    runner = WorkRunner(database, {"pull": lose}, lambda: NOW)
    await mark(database, KEY)
    await runner.start()
    while await database.read(lambda tx: store.count_due(tx, NOW)) == 0 or not runner.idle:
        await asyncio.sleep(0.002)
    await runner.stop()
    assert await database.read(store.failing) == ()


async def test_stopping_lets_what_runs_come_to_its_end(database: Database) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(lease: Lease) -> int | None:
        begun.set()
        await go.wait()
        return None

    runner = WorkRunner(database, {"pull": slow}, lambda: NOW)
    await mark(database, KEY)
    await runner.start()
    await begun.wait()
    stopping = asyncio.create_task(runner.stop())
    await asyncio.sleep(0)
    go.set()
    await stopping
    assert await database.read(store.next_due) is None


async def test_work_that_hangs_leaves_workers_to_all_other(database: Database) -> None:
    """As when ServiceNow accepts calls and answers none."""
    hung = asyncio.Event()
    done: set[str] = set()
    begun: set[str] = set()

    async def hang(lease: Lease) -> int | None:
        begun.add(lease.key)
        await hung.wait()
        return None

    async def work(lease: Lease) -> int | None:
        done.add(lease.key)
        return None

    runner = WorkRunner(database, {"change": hang, "pull": work}, lambda: NOW, concurrency=4, bounded="change")
    await mark(database, *(f"change/r{number}/production" for number in range(9)), at=NOW - 1)
    await runner.start()
    while len(begun) < 2:
        await asyncio.sleep(0.002)
    await mark(database, KEY, "pull/1/3", "pull/1/4")
    runner.wake()
    async with asyncio.timeout(30):
        while len(done) < 3:
            await asyncio.sleep(0.002)
    assert len(begun) == 2
    hung.set()
    async with asyncio.timeout(30):
        while len(begun) < 9:
            await asyncio.sleep(0.002)
    await runner.stop()
    assert await database.read(store.next_due) is None
