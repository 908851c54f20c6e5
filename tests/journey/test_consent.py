"""What people say, take back and forbid on GitHub."""

from __future__ import annotations

import pytest

from app.sandbox.world import REPOSITORY
from tests.journey.played import DENIED, GREEN, WAITS, Played


@pytest.mark.parametrize("done", ["edited", "deleted"])
async def test_an_approving_comment_that_is_touched_is_void_for_good(short: Played, done: str) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    comment = next(one for one in pull.comments if one.author.login == "bob")
    line = comment.body
    if done == "edited":
        short.github.edit_comment(REPOSITORY, comment.id, by="mallory", body=f"{line} staging")
        short.github.edit_comment(REPOSITORY, comment.id, by="mallory", body=line)
    else:
        short.github.delete_comment(REPOSITORY, comment.id, by="bob")
    await short.says(pull, WAITS, f"bob's approval does not count: it is void: the comment was {done}")
    await short.approve(pull, "bob")
    await short.says(pull, GREEN)


async def test_a_review_fills_a_seat_until_it_is_dismissed(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull, "bob")
    await short.next_second()
    review = short.github.review(REPOSITORY, pull.number, by="carol", state="APPROVED")
    await short.says(pull, GREEN)
    short.github.dismiss_review(REPOSITORY, pull.number, review.id, by="alice")
    await short.says(pull, WAITS, "carol's approval does not count: it is void: the review was dismissed")
    await short.next_second()
    short.github.review(REPOSITORY, pull.number, by="carol", state="APPROVED")
    await short.says(pull, GREEN)


async def test_changes_requested_stop_the_release_until_the_same_person_approves(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull, "bob")
    short.github.review(REPOSITORY, pull.number, by="carol", state="CHANGES_REQUESTED", body="VaR looks wrong")
    await short.says(pull, DENIED, "carol rejected this release", "VaR looks wrong")
    await short.next_second()
    short.github.review(REPOSITORY, pull.number, by="carol", state="APPROVED")
    await short.says(pull, GREEN)


async def test_revoke_takes_ones_own_approval_back_and_no_others(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    short.comment(pull, "mallory", "/revoke")
    await short.shows(pull, "there is nothing to revoke")
    await short.says(pull, GREEN)
    short.comment(pull, "bob", "/revoke")
    await short.says(pull, WAITS, "bob's approval does not count: it is void: the person revoked it", "Filled by carol")


async def test_hold_stops_the_release_until_it_is_lifted_by_the_group(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    short.comment(pull, "carol", "/hold\nLet us wait for the regulator.")
    await short.says(pull, DENIED, "carol put a hold on this release", "Let us wait for the regulator")
    short.comment(pull, "alice", f"/unhold {pull.head_sha}")
    await short.shows(pull, "nothing here that you can lift")
    short.comment(pull, "dana", f"/unhold {pull.head_sha}")
    await short.says(pull, GREEN)


async def test_a_rejection_outlives_a_push_and_follows_the_artifacts(short: Played) -> None:
    files = short.files()
    pull = await short.propose(files)
    short.comment(pull, "carol", "/reject\nThe model is wrong.")
    await short.says(pull, DENIED, "carol rejected this release")
    short.push({"notes.md": b"Please.\n"})
    await short.prompted(pull)
    await short.says(pull, DENIED, "carol rejected this release")
    short.github.close_pull(REPOSITORY, pull.number, by="alice")
    again = await short.propose(files, branch="another-try", by="mallory")
    await short.says(again, DENIED, "carol rejected the same artifacts in pull request 1")


async def test_who_made_an_artifact_approves_it_in_no_other_pull_request_either(short: Played) -> None:
    files = short.files()
    first = await short.propose(files, by="bob")
    short.github.close_pull(REPOSITORY, first.number, by="bob")
    again = await short.propose(files, branch="another-try", by="mallory")
    await short.approve(again, "bob")
    await short.says(again, WAITS, "bob's approval does not count", "had a hand in the same artifact before")


async def test_a_stranger_can_neither_reject_nor_hold(short: Played) -> None:
    pull = await short.propose()
    short.comment(pull, "mallory", "/hold")
    await short.shows(pull, "can hold it")
    short.comment(pull, "mallory", "/reject")
    await short.shows(pull, "can reject it")
    await short.approve(pull)
    await short.says(pull, GREEN)


async def test_help_is_answered_in_the_one_comment(short: Played) -> None:
    pull = await short.propose()
    short.comment(pull, "alice", "/help")
    await short.shows(pull, "/unhold <full head sha>")
    assert len(short.ours(pull)) == 1


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("/approve", "full"),
        (f"/approve {'0' * 40} production", "but the head is"),
        ("/approve {head} moon", "moon is no environment of this release"),
        ("/approve {head}", "no environment is named"),
    ],
)
async def test_a_command_that_does_not_fit_grants_nothing_and_is_answered(
    short: Played, body: str, answer: str
) -> None:
    pull = await short.propose()
    short.comment(pull, "bob", body.format(head=pull.head_sha))
    await short.shows(pull, answer)
    await short.says(pull, WAITS, "1 approval from senior-developers")


async def test_a_comment_made_through_an_app_grants_nothing(short: Played) -> None:
    pull = await short.propose()
    short.github.comment(REPOSITORY, pull.number, by="bob", body=short.line(pull), via_app="countersign")
    await short.approve(pull, "carol")
    await short.says(pull, WAITS, "1 approval from senior-developers is missing")
