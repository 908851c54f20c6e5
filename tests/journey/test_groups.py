"""Merge groups are judged for what they are."""

from __future__ import annotations

from app.sandbox import documents
from app.sandbox.world import REPOSITORY
from integrations.github.simulator.model import CheckRun
from tests.journey.played import DENIED, GREEN, WAITS, Played


async def group_check(played: Played, *numbers: int) -> CheckRun:
    group = played.github.enqueue(REPOSITORY, numbers, by="bob")
    runs = await played.until(lambda: played.github.checks(REPOSITORY, group.head_sha), bool, "a check of the group")
    assert [run.name for run in runs] == ["countersign: main"]
    return runs[0]


async def test_a_group_of_an_approved_release_may_merge_and_go_live(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    group = short.github.enqueue(REPOSITORY, [pull.number], by="bob")
    runs = await short.until(lambda: short.github.checks(REPOSITORY, group.head_sha), bool, "a check of the group")
    assert runs[-1].conclusion == "success"
    short.github.finish_merge_group(REPOSITORY, group.head_sha, "merged", by="bob")
    await short.settled()
    assert (await short.ask(group.head_sha)).decision == "allow"


async def test_a_group_of_an_unapproved_release_may_not(short: Played) -> None:
    pull = await short.propose()
    await short.says(pull, WAITS)
    run = await group_check(short, pull.number)
    assert run.conclusion == "failure"
    assert "approval" in (run.title or "")


async def test_a_group_with_other_content_than_was_approved_may_not(short: Played) -> None:
    pull = await short.propose()
    await short.approve(pull)
    await short.says(pull, GREEN)
    short.push({documents.MODEL: documents.train(shift=0.5).model}, branch="sneaky", by="mallory")
    other = short.github.open_pull(REPOSITORY, "sneaky", author="mallory")
    await short.until(lambda: short.check(other), bool, "its check")
    run = await group_check(short, pull.number, other.number)
    assert run.conclusion == "failure"
    assert "differs in this group from what was approved" in (run.title or "")


async def test_a_release_that_was_merged_once_does_not_speak_for_one_that_brings_it_back(short: Played) -> None:
    files = short.files()
    first = await short.propose(files)
    await short.approve(first)
    await short.says(first, GREEN)
    await short.merge(first)
    short.github.push(REPOSITORY, "main", author="alice", delete=list(files))
    again = await short.propose(files, branch="again")
    await short.says(again, WAITS)
    assert (await group_check(short, again.number)).conclusion == "failure"


async def test_a_group_that_touches_no_release_may_merge(short: Played) -> None:
    short.push({"README.md": b"# Ours\n"}, branch="docs")
    pull = short.github.open_pull(REPOSITORY, "docs", author="alice")
    await short.says(pull, GREEN)
    assert (await group_check(short, pull.number)).conclusion == "success"


async def test_a_group_with_a_policy_change_that_nobody_approved_may_not(short: Played) -> None:
    short.push({".github/countersign.yaml": documents.lax_policy()}, branch="relax", by="mallory")
    pull = short.github.open_pull(REPOSITORY, "relax", author="mallory")
    await short.says(pull, DENIED)
    assert (await group_check(short, pull.number)).conclusion == "failure"
