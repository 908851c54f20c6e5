"""Ways to have an approval count, a gate allow or a rejection vanish that must not work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.sandbox import documents
from app.sandbox.world import REPOSITORY, TENANT
from integrations.github.simulator.wire import Call, Reply
from tests.journey.played import DENIED, GREEN, WAITS, Played


def once_between(played: Played, path: str, before: Callable[[], object], after: Callable[[], object]) -> list[str]:
    """Acts around GitHub's answer to the next call of this path; tells in the list that it happened."""
    api = played.github._api
    answer = api.answer
    done: list[str] = []

    def timed(call: Call, raw_path: str) -> Reply:
        if done or path not in raw_path:
            return answer(call, raw_path)
        done.append(raw_path)
        before()
        found = answer(call, raw_path)
        after()
        return found

    api.answer = timed  # type: ignore[method-assign]
    return done


async def test_a_release_that_is_away_while_the_files_are_listed_is_not_overlooked(short: Played) -> None:
    head = short.push(short.files(), branch="elsewhere", by="mallory")
    short.github.force_push(REPOSITORY, "sly", head, pusher="mallory")

    def to(base: str) -> Callable[[], object]:
        return lambda: short.github.retarget(REPOSITORY, 1, base, by="mallory")

    done = once_between(short, "/files", to("elsewhere"), to("main"))
    short.push({"releases/x.txt": b"x"}, branch="sly", by="mallory")
    pull = short.github.open_pull(REPOSITORY, "sly", author="mallory")
    await short.until(lambda: done, bool, "the files to be listed")
    await short.settled()
    assert not any(run.conclusion == GREEN for run in short.checks(pull))
    await short.says(pull, WAITS, "approval")


async def test_authors_cannot_be_left_out_by_another_base_while_commits_are_listed(short: Played) -> None:
    head = short.push(short.files(), branch="elsewhere", by="bob")
    short.github.force_push(REPOSITORY, "sly", head, pusher="mallory")
    short.push({"releases/x.txt": b"x"}, branch="sly", by="mallory")

    def to(base: str) -> Callable[[], object]:
        return lambda: short.github.retarget(REPOSITORY, 1, base, by="mallory")

    done = once_between(short, "/pulls/1/commits", to("elsewhere"), to("main"))
    pull = short.github.open_pull(REPOSITORY, "sly", author="mallory")
    await short.until(lambda: done, bool, "the commits to be listed")
    await short.settled()
    await short.prompted(pull)
    await short.next_second()
    short.comment(pull, "bob", short.line(pull))
    await short.settled()
    await short.approve(pull, "carol")
    await short.says(pull, WAITS, "bob's approval does not count: they wrote part of it")


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "pull_request_review", "fancy"])
async def test_a_run_whose_workflow_is_not_that_of_its_commit_is_rejected(short: Played, event: str) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    await short.merge(pull)
    run, _ = short.github.start_deployment(REPOSITORY, "production", by="mallory", event=event)
    answers = await short.until(lambda: list(run.answers), bool, "an answer")
    assert answers[0].state == "rejected"
    assert event in answers[0].comment


async def test_a_member_added_since_lifts_no_hold(short: Played) -> None:
    pull = await short.propose()
    short.comment(pull, "carol", "/hold")
    await short.says(pull, DENIED, "carol put a hold on")
    short.github.add_team_member("acme", "risk", "mallory", by="alice")
    await short.settled()
    await short.next_second()
    short.comment(pull, "mallory", f"/unhold {pull.head_sha}")
    await short.shows(pull, "nothing here that you can lift")
    await short.says(pull, DENIED, "carol put a hold on")
    short.comment(pull, "dana", f"/unhold {pull.head_sha}")
    await short.says(pull, WAITS, without="put a hold on")


async def test_who_made_the_artifact_elsewhere_lifts_no_hold(short: Played) -> None:
    first = await short.propose(by="dana", branch="first")
    short.github.close_pull(REPOSITORY, first.number, by="dana")
    pull = await short.propose(by="alice")
    short.comment(pull, "carol", "/hold")
    await short.says(pull, DENIED, "carol put a hold on")
    await short.next_second()
    short.comment(pull, "dana", f"/unhold {pull.head_sha}")
    await short.shows(pull, "nothing here that you can lift")
    await short.says(pull, DENIED, "carol put a hold on")


async def test_who_wrote_an_earlier_head_stays_excluded_when_the_history_is_rewritten(short: Played) -> None:
    short.push(short.files(), branch="rewritten", by="bob", pusher="alice")
    pull = short.github.open_pull(REPOSITORY, "rewritten", author="alice")
    await short.prompted(pull)
    clean = short.push(short.files(), branch="clean", by="alice")
    short.github.force_push(REPOSITORY, "rewritten", clean, pusher="alice")
    await short.prompted(pull)
    await short.approve(pull)
    await short.says(pull, WAITS, "bob's approval does not count", "wrote part of it")


def two_places(played: Played) -> dict[str, bytes]:
    files = played.files()
    files[documents.MANIFEST] = files[documents.MANIFEST].replace(b"[production]", b"[staging, production]")
    return files


async def test_approving_one_environment_does_not_lift_ones_rejection_of_all(short: Played) -> None:
    policy = documents.policy(short.world.training, short.world.testing, short.world.alice, change=False)
    for_both = policy.replace(b"environment: production", b"environment: [staging, production]")
    assert for_both != policy
    await short.world.put_policy(for_both)
    pull = await short.propose(two_places(short))
    short.github.review(REPOSITORY, pull.number, by="carol", state="CHANGES_REQUESTED", body="VaR looks wrong")
    await short.says(pull, DENIED, "carol rejected this release")
    await short.next_second()
    short.comment(pull, "carol", f"/approve {pull.head_sha} staging")
    await short.settled()
    short.comment(pull, "bob", f"/approve {pull.head_sha} staging production")
    short.comment(pull, "dana", f"/approve {pull.head_sha} staging production")
    await short.settled()
    await short.says(pull, DENIED, "carol rejected this release")
    short.comment(pull, "carol", f"/approve {pull.head_sha} production")
    await short.says(pull, GREEN)


async def test_a_link_whose_account_row_was_altered_links_nobody(world: Played) -> None:
    pull = await world.propose()
    await world.link()
    rows = await world.service.database.read(
        lambda tx: tx.all(text("SELECT account, person, login FROM accounts WHERE tenant = :t"), t=TENANT)
    )
    erin = next(row for row in rows if row.login == "erin")
    await world.service.database.write(
        lambda tx: tx.run(
            text("UPDATE accounts SET person = :p WHERE account = :a"),
            p=next(row.person for row in rows if row.login == "dana"), a=erin.account,
        )
    )  # fmt: skip
    await world.approve(pull)
    await world.approve_change()
    await world.settled()
    await world.says(pull, WAITS, "erin's approval does not count")


async def test_who_pushed_before_the_pull_request_was_opened_is_excluded(short: Played) -> None:
    short.push(short.files(), branch="pushed", by="alice", pusher="bob")
    short.push({"notes.md": b"On top."}, branch="pushed", by="alice")
    await short.settled()
    pull = short.github.open_pull(REPOSITORY, "pushed", author="alice")
    await short.prompted(pull)
    await short.approve(pull)
    await short.says(pull, WAITS, "bob's approval does not count", "pushed part of it")
