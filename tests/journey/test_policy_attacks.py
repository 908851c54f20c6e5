"""Ways to have a policy count, to learn what it is kept from telling, or to hold everybody up, that must not work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.sandbox.world import REPOSITORY, World
from integrations.github.simulator.model import Pull
from manifests.canonical import sha256_hex
from manifests.policy import POLICY_PATH
from tests.journey.conftest import started
from tests.journey.played import DENIED, GREEN, Played
from tests.journey.test_policies import UNRELEASED, approve, policy, propose, steps


@pytest.fixture
async def both(tmp_path: Path, github_key: rsa.RSAPrivateKey, new_url: Callable[[], str]) -> AsyncIterator[Played]:
    async for played in started(World(tmp_path, github_key=github_key, change=False, database_url=new_url())):
        yield played


async def allowed(played: Played) -> tuple[Pull, str]:
    """A pull request that makes the policy stricter, approved by two, and the policy's SHA-256."""
    await played.world.put_policy(policy(played))
    other = policy(played, b"48h")
    pull = await propose(played, {POLICY_PATH: other})
    await approve(played, pull)
    await played.says(pull, GREEN)
    await played.settled()
    await played.next_second()
    return pull, sha256_hex(other)


async def merged_unheard(played: Played, pull: Pull, by: str, body: str) -> None:
    """What is said, and the merge, reach Countersign at once."""
    played.github.deliveries.pause()
    played.comment(pull, by, body)
    played.github.merge_pull(REPOSITORY, pull.number, by="alice", method="squash")
    played.github.deliveries.resume()
    await played.settled()
    played.comment(pull, "mallory", "/recheck")
    await played.settled()


@pytest.mark.parametrize(
    ("by", "body"), [("bob", "/revoke"), ("bob", "/reject"), ("dana", "/reject"), ("dana", "/hold")]
)
async def test_what_was_stopped_before_its_merge_was_seen_never_counts(both: Played, by: str, body: str) -> None:
    pull, sha256 = await allowed(both)
    await merged_unheard(both, pull, by, body)
    assert await steps(both, sha256) == []
    await both.says(await both.propose(), DENIED, UNRELEASED)


async def test_who_is_asked_nothing_stops_no_policy_that_was_merged(both: Played) -> None:
    pull, sha256 = await allowed(both)
    await merged_unheard(both, pull, "mallory", "/hold")
    assert await steps(both, sha256) == ["released"]
