"""What the sweep does when something is in its way: the rest of it."""

from __future__ import annotations

import asyncio

from app.sandbox.world import REPOSITORY
from app.settings.model import Settings
from tests.journey.played import BRANCH, DENIED, WAITS, Played

BLOCKED = "acme/blocked"


def everywhere(settings: Settings) -> Settings:
    """The tenant's policy lists the main branch of every repository."""
    policy = settings.tenants[0].policy
    policy.write_bytes(policy.read_bytes().replace(REPOSITORY.encode(), b'"acme/*"'))
    return settings


def block_first(played: Played) -> None:
    """Another repository that nobody may read comes before ours."""
    played.github.create_repository(BLOCKED, {"README.md": b"Nobody may read this.\n"})
    repositories = played.github.world.repositories
    repositories[REPOSITORY] = repositories.pop(REPOSITORY)
    body = b'{"message":"Repository access blocked"}'
    played.github.fail_next("GET", f"^/repos/{BLOCKED}/", 403, body, times=9)


async def test_a_repository_that_cannot_be_read_does_not_hide_the_others(short: Played) -> None:
    await short.world.stop_service()
    await short.world.start_service(configure=everywhere)
    block_first(short)
    short.github.lose_next(2, logged=False)
    short.push(short.files())
    pull = short.github.open_pull(REPOSITORY, BRANCH, author="alice")
    await short.settled()
    await short.service.repair()
    short.service.runner.wake()
    await short.says(pull, DENIED, "its delivery never came")


async def test_a_rate_limit_in_the_middle_is_where_the_next_sweep_begins(short: Played) -> None:
    await short.world.stop_service()
    await short.world.start_service(configure=everywhere)
    block_first(short)
    short.github.faults.clear()
    short.github.fail_next("GET", f"^/repos/{REPOSITORY}/pulls", 429, headers={"retry-after": "4"})
    await short.service.repair()
    await asyncio.sleep(4)
    short.github.calls.clear()
    await short.service.repair()
    asked = [path.partition("?")[0] for _, path, _ in short.github.calls if "/pulls" in path]
    assert asked == [f"/repos/{REPOSITORY}/pulls", f"/repos/{BLOCKED}/pulls"]


async def test_a_repository_of_which_no_branch_is_listed_is_not_asked_about(short: Played) -> None:
    block_first(short)
    await short.service.repair()
    asked = {path for _, path, _ in short.github.calls}
    assert any(path.startswith(f"/repos/{REPOSITORY}/pulls") for path in asked)
    assert not [path for path in asked if path.startswith(f"/repos/{BLOCKED}/")]


async def test_a_delivery_that_cannot_be_sent_again_does_not_hide_the_others(short: Played) -> None:
    pull = await short.propose()
    short.github.lose_next(2)
    short.comment(pull, "bob", short.line(pull))
    short.comment(pull, "carol", short.line(pull))
    await short.settled()
    short.github.fail_next("POST", "^/app/hook/deliveries/[0-9]+/attempts$", 422, b'{"message":"Too old"}')
    await short.service.repair()
    await short.says(pull, WAITS, "Filled by carol")
