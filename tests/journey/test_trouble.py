"""Bad luck and bad neighbours: nothing doubled, nothing lost, nothing passed, and all of it explained."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from app.changes import store as changes
from app.changes.store import StoredChange
from app.db.tx import Tx
from app.facts.outside_groups import AWAY_S
from app.releases import store as releases
from app.sandbox.world import REPOSITORY, TENANT
from tests.journey.played import DENIED, GREEN, WAITS, Played

MANY = 100_000


async def stored_change(played: Played) -> StoredChange | None:
    def read(tx: Tx) -> StoredChange | None:
        found = releases.page(tx, TENANT)
        return changes.one(tx, found[0].id, "production") if found else None

    return await played.service.database.read(read)


async def test_every_delivery_twice_changes_nothing(world: Played) -> None:
    world.github.double_next(MANY)
    pull = await world.propose()
    number = await world.ready(pull)
    commit = await world.merge(pull)
    await world.allowed(commit)
    assert len(world.ours(pull)) == 1
    assert [change.number for change in world.servicenow.changes()] == [number]
    events = [record.event for record in await world.trace(pull)]
    assert (events.count("release.proposed"), events.count("grant.recorded")) == (1, 2)


async def test_what_was_said_counts_the_same_in_any_order(short: Played) -> None:
    pull = await short.propose()
    await short.next_second()
    short.github.reorder_next(4)
    short.comment(pull, "bob", short.line(pull))
    short.comment(pull, "mallory", "Looks good to me.")
    short.github.review(REPOSITORY, pull.number, by="carol", state="APPROVED")
    short.comment(pull, "alice", "/status")
    await short.says(pull, GREEN, "2 different persons")


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_deleted_approval_is_void_whichever_delivery_comes_first(short: Played, backwards: bool) -> None:
    pull = await short.propose()
    await short.approve(pull, "carol")
    if backwards:
        short.github.reorder_next(2)
    comment = short.comment(pull, "bob", short.line(pull))
    short.github.delete_comment(REPOSITORY, comment.id, by="bob")
    await short.settled()
    await short.says(pull, WAITS, "1 approval from senior-developers is missing")


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_push_voids_whichever_delivery_comes_first(short: Played, backwards: bool) -> None:
    pull = await short.propose()
    if backwards:
        short.github.reorder_next(4)
    short.comment(pull, "bob", short.line(pull))
    short.comment(pull, "carol", short.line(pull))
    short.push({"notes.md": b"Just this.\n"})
    await short.settled()
    await short.prompted(pull)
    await short.says(pull, WAITS, "1 approval from risk-managers and 1 approval from senior-developers are missing")
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_a_lost_delivery_is_found_by_the_sweep(short: Played) -> None:
    short.github.lose_next(2)
    short.push(short.files())
    pull = short.github.open_pull(REPOSITORY, "release-3.2.0", author="alice")
    await short.settled()
    assert short.check(pull) is None
    await short.service.repair()
    short.service.runner.wake()
    await short.says(pull, WAITS, "1 approval from senior-developers")
    await short.approve(pull)
    await short.says(pull, GREEN)


@pytest.mark.parametrize("path", [r"/check-runs$", r"/issues/\d+/comments$"])
async def test_an_error_of_github_after_the_work_was_done_doubles_nothing(short: Played, path: str) -> None:
    short.github.fail_next("POST", path, 500, commit_first=True)
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    runs = short.checks(pull)
    assert len({run.external_id for run in runs}) == len(runs)
    assert len(short.ours(pull)) == 1


@pytest.mark.parametrize(
    ("status", "body", "drop"),
    [(500, b'{"message":"Server Error"}', False), (502, b"<html>Bad gateway</html>", False), (500, b"", True)],
)
async def test_github_that_cannot_be_reached_is_caught_up_with(
    short: Played, status: int, body: bytes, drop: bool
) -> None:
    short.github.fail_next("*", "^/(repos|app|orgs|organizations)", status, body, drop=drop, times=4)
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    assert len(short.ours(pull)) == 1


async def test_a_rate_limit_is_waited_for(short: Played) -> None:
    short.github.limit_rate(2, retry_after_s=1)
    pull = await short.propose()
    await short.says(pull, WAITS)


async def test_an_error_of_servicenow_after_the_work_was_done_opens_no_second_change(world: Played) -> None:
    world.servicenow.fail_next("POST", r"/api/(sn_chg_rest|now/table/change_request)", 500, commit_first=True)
    pull = await world.propose()
    await world.until(lambda: world.open_change("erin"), bool, "a change that asks erin")
    await world.says(pull, WAITS, "needed in ServiceNow")
    await world.settled()
    assert len(world.servicenow.changes()) == 1


async def test_servicenow_that_cannot_be_reached_holds_the_release_up_and_the_check_says_so(world: Played) -> None:
    world.servicenow.fail_next("*", "/api", 503, times=MANY)
    pull = await world.propose()
    for who in ("bob", "carol"):
        world.comment(pull, who, world.line(pull))
    away = "The group Risk Management of ServiceNow could not be read"
    await world.says(pull, DENIED, "Filled by bob", away, "ServiceNow could not be reached")
    world.servicenow.clear_faults()
    await asyncio.sleep(AWAY_S)
    await world.link()
    await world.approve_change()
    await world.says(pull, GREEN)
    assert len(world.servicenow.changes()) == 1


async def test_a_change_planted_with_our_correlation_id_is_never_adopted(world: Played) -> None:
    world.servicenow.fail_next("POST", "/api/", 503, times=MANY)
    pull = await world.propose()
    change = await _until_stored(world)
    planted = world.servicenow.plant_change(
        {"correlation_id": change.correlation_id, "type": "normal", "state": "-2", "approval": "approved"}
    )
    world.servicenow.clear_faults()
    number = await world.ready(pull)
    assert number != planted.number
    ours = world.servicenow.change(number)
    assert (ours.created_by, ours.correlation_id == change.correlation_id) == ("countersign.bot", False)
    assert "change.alarmed" in [record.event for record in await world.trace(pull)]


async def _until_stored(played: Played) -> StoredChange:
    await played.settled()
    found = await stored_change(played)
    assert found is not None
    return found


async def test_an_approval_before_the_last_change_of_the_content_does_not_count(world: Played) -> None:
    pull = await world.propose()
    await world.link()
    await world.approve(pull)
    change = await world.until(lambda: world.open_change("erin"), bool, "a change that asks erin")
    assert change is not None
    number = await world.approve_change("erin")
    assert number == change.number
    world.push({"notes.md": b"Another commit, another content.\n"})
    await world.prompted(pull)
    await world.until(partial(_states, world), lambda states: states[0] == "canceled" and len(states) == 2, "a new one")
    await world.approve(pull)
    newer = await world.approve_change()
    await world.says(pull, GREEN)
    assert newer != number


def _states(played: Played) -> list[str]:
    return [change.state for change in played.servicenow.changes()]


async def test_a_change_rejected_in_servicenow_stops_the_release(world: Played) -> None:
    pull = await world.propose()
    await world.link()
    await world.approve(pull)
    change = await world.until(lambda: world.open_change("erin"), bool, "a change that asks erin")
    assert change is not None
    world.servicenow.decide_change(change.number, "erin", "rejected", "Not this week")
    await world.says(pull, "failure", "was rejected in ServiceNow by erin")


async def test_approvals_in_servicenow_by_people_who_are_not_linked_do_not_count(world: Played) -> None:
    pull = await world.propose()
    await world.approve(pull)
    await world.approve_change()
    await world.says(pull, WAITS, "is not linked to a known person")
    await world.link()
    await world.says(pull, GREEN)


async def test_a_service_that_was_down_catches_up_when_it_is_back(short: Played) -> None:
    pull = await short.propose()
    await short.world.stop_service()
    short.comment(pull, "bob", short.line(pull))
    short.comment(pull, "carol", short.line(pull))
    await short.github.settle()
    await short.world.start_service(sweep=True)
    await short.says(pull, GREEN, "2 different persons")
    assert len(short.ours(pull)) == 1


async def test_an_approval_told_before_its_pull_request_counts_the_same(short: Played) -> None:
    short.github.reorder_next(4)
    short.github.delay_next(0, 2)
    short.github.delay_next(0.5, 1)  # both approvals are worked on before the rest is told
    short.push(short.files())
    pull = short.github.open_pull(REPOSITORY, "release-3.2.0", author="alice")
    short.comment(pull, "bob", short.line(pull))
    short.comment(pull, "carol", short.line(pull))
    await short.says(pull, GREEN, "2 different persons")
