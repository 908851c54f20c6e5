"""What happens at GitHub while a pull request is being judged is not lost, though nobody knows yet that its verdict
depends on it."""

from __future__ import annotations

from app.sandbox.world import REPOSITORY
from tests.journey.played import BRANCH, DENIED, GREEN, WAITS, Played
from tests.journey.rules import policy
from tests.journey.test_attacks import once_between

KEEPING = policy(
    gates="[required_checks]",
    more='required_checks: [{name: tests, app: any}]\n    keep: {unless_changed: ["src/**"]}',
)


async def waiting(played: Played) -> None:
    """Approved, and only the checks are missing."""
    await played.world.put_policy(KEEPING)
    pull = await played.propose()
    await played.approve(pull, "bob")
    await played.says(pull, WAITS, "tests has not run")
    played.github.report_check(REPOSITORY, pull.head_sha, "tests")
    await played.says(pull, GREEN)
    await played.settled()


async def test_a_check_that_ends_while_a_new_head_is_judged_for_the_first_time_is_heard(either: Played) -> None:
    await waiting(either)
    pull = either.github.pull(REPOSITORY, 1)
    done = once_between(
        either, "/check-runs", lambda: None, lambda: either.github.report_check(REPOSITORY, pull.head_sha, "tests")
    )
    either.push({"README.md": b"# Other words\n"})
    await either.until(lambda: done, bool, "the checks to be read")
    await either.settled()
    await either.says(pull, GREEN)


async def test_a_check_that_fails_while_a_new_head_is_judged_for_the_first_time_is_heard(either: Played) -> None:
    await waiting(either)
    pull = either.github.pull(REPOSITORY, 1)

    def report(conclusion: str) -> None:
        either.github.report_check(REPOSITORY, pull.head_sha, "tests", conclusion)

    done = once_between(either, "/check-runs", lambda: report("success"), lambda: report("failure"))
    either.push({"README.md": b"# Other words\n"})
    await either.until(lambda: done, bool, "the checks to be read")
    await either.settled()
    await either.says(pull, DENIED, "ended as failure")


async def test_who_leaves_a_team_while_a_pull_request_is_first_judged_is_heard_of(either: Played) -> None:
    await either.world.put_policy(policy())
    await either.settled()
    either.github.deliveries.pause()
    either.push(either.files())
    pull = either.github.open_pull(REPOSITORY, BRANCH, author="alice")
    either.comment(pull, "bob", either.line(pull))
    done = once_between(
        either,
        "/teams/senior-developers/members",
        lambda: None,
        lambda: either.github.remove_team_member("acme", "senior-developers", "bob", by="alice"),
    )
    either.github.deliveries.resume()
    await either.until(lambda: done, bool, "something to be read")
    await either.settled()
    await either.says(pull, WAITS, "approval")


async def test_who_leaves_the_organisation_has_left_its_teams_though_nobody_told_of_them(short: Played) -> None:
    await short.world.put_policy(policy())
    pull = await short.propose()
    await short.approve(pull, "bob")
    await short.says(pull, GREEN)
    await short.settled()
    short.github.lose_next()
    short.github.remove_organisation_member("acme", "bob", by="alice")
    await short.says(pull, WAITS, "approval")
