"""Events that can change no answer cost no call to GitHub; those that can are heard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.sandbox.world import REPOSITORY
from integrations.github.simulator.model import Pull
from tests.journey.played import GREEN, WAITS, Played
from tests.journey.rules import policy

Happens = Callable[[Played, Pull], object]


async def calls_for(played: Played, pull: Pull, happens: Happens) -> int:
    """How often GitHub is called for what happens, once everything else has come to rest."""
    await played.settled()
    before = len(played.github.calls)
    happens(played, pull)
    await played.settled()
    return len(played.github.calls) - before


def edits(played: Played, pull: Pull) -> None:
    comment = played.comment(pull, "mallory", "Nice work, everybody")
    played.github.edit_comment(REPOSITORY, comment.id, by="mallory", body="Nice work")
    played.github.edit_comment(REPOSITORY, comment.id, by="mallory", body=played.line(pull))
    played.github.delete_comment(REPOSITORY, comment.id, by="alice")


def review(played: Played, pull: Pull) -> None:
    made = played.github.review(REPOSITORY, pull.number, by="mallory", state="COMMENTED", body="Why?")
    played.github.edit_review(REPOSITORY, pull.number, made.id, by="mallory", body="Why not?")


def labels(played: Played, pull: Pull) -> None:
    played.github.label(REPOSITORY, pull.number, "good first issue", by="mallory")
    played.github.unlabel(REPOSITORY, pull.number, "good first issue", by="mallory")


def checks(played: Played, pull: Pull) -> None:
    played.github.report_check(REPOSITORY, pull.head_sha, "lint", "failure")
    played.github.report_check(REPOSITORY, pull.head_sha, "tests", app="imposter")
    played.github.set_status(REPOSITORY, pull.head_sha, "tests", "failure", by="mallory")


def strangers(played: Played, pull: Pull) -> None:
    played.github.create_team("acme", "kitchen")
    played.github.add_team_member("acme", "kitchen", "mallory", by="alice")
    played.github.set_role(REPOSITORY, "mallory", "admin", by="alice")


def title(played: Played, pull: Pull) -> None:
    played.github.edit_pull(REPOSITORY, pull.number, by="alice", title="Tighter limits")


IDLE: list[Happens] = [edits, review, labels, checks, strangers, title]


@pytest.mark.parametrize("happens", IDLE)
async def test_what_can_change_no_answer_costs_no_call(either: Played, happens: Happens) -> None:
    await either.world.put_policy(policy())
    pull = await either.propose()
    await either.approve(pull, "bob")
    await either.says(pull, GREEN)
    assert await calls_for(either, pull, happens) == 0
    waiting = text("SELECT COUNT(*) AS n FROM deliveries WHERE status = 'new'")
    row = await either.service.database.read(lambda tx: tx.first(waiting))
    assert row is not None
    assert row.n == 0


async def test_a_new_title_is_shown_all_the_same(short: Played) -> None:
    await short.world.put_policy(policy())
    pull = await short.propose()
    assert await calls_for(short, pull, title) == 0
    row = await short.service.database.read(lambda tx: tx.first(text("SELECT title FROM pulls")))
    assert row is not None
    assert row.title == "Tighter limits"


def label(played: Played, pull: Pull) -> None:
    played.github.label(REPOSITORY, pull.number, "Risky", by="alice")


async def test_a_label_that_a_condition_asks_for_is_heard(either: Played) -> None:
    await either.world.put_policy(policy(when="labels: [risky]"))
    pull = await either.propose()
    await either.approve(pull, "bob")
    await either.says(pull, GREEN)
    assert await calls_for(either, pull, label) > 0
    await either.says(pull, WAITS, "risk-managers")
    either.github.unlabel(REPOSITORY, pull.number, "Risky", by="alice")
    await either.next_second()
    await either.approve(pull, "bob")
    await either.says(pull, GREEN)


async def test_a_label_that_nobody_asked_for_counts_once_the_policy_does(short: Played) -> None:
    await short.world.put_policy(policy())
    pull = await short.propose()
    assert await calls_for(short, pull, label) == 0
    await short.world.put_policy(policy(when="labels: [risky]"))
    await short.says(pull, WAITS, "risk-managers")


def taken_back(played: Played, pull: Pull) -> None:
    said = next(comment for comment in pull.comments if comment.author.login == "bob")
    played.github.edit_comment(REPOSITORY, said.id, by="mallory", body="never mind")


async def test_an_edit_of_an_approval_is_heard(either: Played) -> None:
    await either.world.put_policy(policy())
    pull = await either.propose()
    await either.approve(pull, "bob")
    await either.says(pull, GREEN)
    assert await calls_for(either, pull, taken_back) > 0
    await either.says(pull, WAITS, "the comment was edited")


async def test_the_title_of_a_changed_policy_is_its_reason_and_heard(short: Played) -> None:
    await short.world.put_policy(policy())
    short.push({".github/countersign.yaml": policy(gates="[rationale, freeze]")}, branch="tighten")
    pull = short.github.open_pull(REPOSITORY, "tighten", author="alice")
    await short.until(lambda: short.check(pull), bool, "a check")
    assert await calls_for(short, pull, title) > 0
