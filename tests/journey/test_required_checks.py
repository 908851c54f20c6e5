"""Checks of other Apps that a rule requires: green at the very head, and heard of when they change."""

from __future__ import annotations

import pytest

from app.sandbox.world import REPOSITORY
from tests.journey.played import DENIED, GREEN, WAITS, Played
from tests.journey.rules import policy

POLICY = policy(
    gates="[rationale, required_checks]",
    more="required_checks: [{name: tests, app: github-actions}, {name: ci/build, app: status}]",
)


async def test_a_release_waits_for_its_checks_and_follows_them(either: Played) -> None:
    await either.world.put_policy(POLICY)
    pull = await either.propose()
    await either.approve(pull, "bob")
    await either.says(pull, WAITS, "tests of the App github-actions has not run")
    run = either.github.report_check(REPOSITORY, pull.head_sha, "tests", None)
    await either.says(pull, WAITS, "tests of the App github-actions is still under way")
    either.github.finish_check(REPOSITORY, run.id, "success")
    await either.says(pull, WAITS, "ci/build (a commit status) has not run", without="tests of the App")
    either.github.set_status(REPOSITORY, pull.head_sha, "ci/build", "success", by="alice")
    await either.says(pull, GREEN)
    either.github.report_check(REPOSITORY, pull.head_sha, "tests", "failure")
    await either.says(pull, DENIED, "ended as failure")
    either.github.report_check(REPOSITORY, pull.head_sha, "tests", "success")
    await either.says(pull, GREEN)


async def test_a_check_of_the_same_name_by_another_app_does_not_count(short: Played) -> None:
    await short.world.put_policy(POLICY)
    pull = await short.propose()
    await short.approve(pull, "bob")
    short.github.set_status(REPOSITORY, pull.head_sha, "ci/build", "success", by="alice")
    short.github.set_status(REPOSITORY, pull.head_sha, "tests", "success", by="mallory")
    short.github.report_check(REPOSITORY, pull.head_sha, "tests", app="imposter")
    await short.says(pull, WAITS, "tests of the App github-actions has not run", without="ci/build (a commit")


async def test_a_check_of_an_earlier_head_does_not_count(short: Played) -> None:
    await short.world.put_policy(policy(gates="[required_checks]", more="required_checks: [{name: tests, app: any}]"))
    pull = await short.propose()
    short.github.report_check(REPOSITORY, pull.head_sha, "tests")
    short.push({"README.md": b"# Other words\n"})
    await short.prompted(pull)
    await short.approve(pull, "bob")
    await short.says(pull, WAITS, "tests has not run")


async def test_the_gate_asks_for_the_checks_too(either: Played) -> None:
    await either.world.put_policy(policy(gates="[required_checks]", more="required_checks: [{name: tests, app: any}]"))
    pull = await either.propose()
    either.github.report_check(REPOSITORY, pull.head_sha, "tests")
    await either.approve(pull, "bob")
    await either.says(pull, GREEN)
    commit = await either.merge(pull)
    await either.allowed(commit)
    either.github.report_check(REPOSITORY, pull.head_sha, "tests", "failure")
    await either.settled()
    answer = await either.ask(commit)
    assert (answer.decision, "ended as failure" in answer.text()) == ("deny", True), answer.text()


@pytest.mark.parametrize("status", [403, 404])
async def test_checks_that_cannot_be_read_are_never_green(short: Played, status: int) -> None:
    await short.world.put_policy(policy(gates="[required_checks]", more="required_checks: [{name: tests, app: any}]"))
    short.github.fail_next("GET", r"/commits/[0-9a-f]+/status$", status, b'{"message":"No"}', times=1000)
    pull = await short.propose()
    short.github.report_check(REPOSITORY, pull.head_sha, "tests")
    await short.approve(pull, "bob")
    await short.says(pull, DENIED, "The checks at the head cannot be read")
