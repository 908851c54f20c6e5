"""Ways to have a policy count, to learn what it is kept from telling, or to hold everybody up, that must not work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.facts import policy_review
from app.sandbox.world import REPOSITORY, World
from integrations.github.simulator.model import Pull
from manifests.canonical import sha256_hex
from manifests.policy import POLICY_PATH
from tests.journey import test_simulations as simulation
from tests.journey.conftest import started
from tests.journey.glass import INCIDENT, scene
from tests.journey.played import DENIED, GREEN, WAITS, Played
from tests.journey.test_policies import TESTS, UNRELEASED, approve, including, policy, propose, steps

PRIVATE = b"password: correct horse\n"


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


async def test_nobody_learns_of_files_elsewhere_by_including_them(short: Played) -> None:
    short.github.create_repository("acme/private", {"secret.yaml": PRIVATE})
    await short.world.put_policy(policy(short))
    said = []
    for path in ("secret.yaml", "absent.yaml"):
        entry = f'{{path: {path}, sha256: "{"0" * 64}", repository: acme/private, ref: main}}'
        pull = await propose(short, {POLICY_PATH: including(short, entry)}, branch=f"asks-for-{path}")
        await short.says(pull, DENIED, f"Expected a file {path} with the SHA-256 000")
        said.append([line.replace(path, "") for line in short.text(pull).splitlines() if "include" in line])
        assert sha256_hex(PRIVATE) not in short.text(pull) + short.shown(pull)
    assert said[0] == said[1]


async def test_a_review_is_not_stuck_on_what_was_not_there_yet(short: Played) -> None:
    shared = b"schema: countersign/policy/v1\ngroups: {askers: {members: [alice]}}\n"
    short.github.create_repository("acme/governance", {"README.md": b"-"})
    await short.world.put_policy(policy(short))
    entry = f'{{path: shared.yaml, sha256: "{sha256_hex(shared)}", repository: acme/governance, ref: main}}'
    pull = await propose(short, {POLICY_PATH: including(short, entry)})
    await short.says(pull, DENIED, "Expected a file shared.yaml with the SHA-256", "found none")
    short.github.push("acme/governance", "main", {"shared.yaml": shared}, author="alice")
    await short.settled()
    short.comment(pull, "alice", "/recheck")
    await short.says(pull, WAITS, "1 approval from senior-developers")


def freezes(count: int) -> str:
    """Each takes up to a tenth of a second to expand."""
    every = "{{rule: FREQ=DAILY;COUNT=9999, start: 2000-01-01T00:00:00, duration: {}m}}"
    return "freezes:\n" + "".join(f"  - {{name: f{i}, recurrence: {every.format(i)}}}\n" for i in range(1, count + 1))


SLOW = b"""\
schema: countersign/policy-tests/v1
cases:
  - {name: goes live, question: deploy, environment: production, expect: allow}
"""


async def test_tests_that_take_for_ever_hold_nobody_up_and_are_told(
    short: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_review, "TRIAL_S", 1.0)
    await short.world.put_policy(policy(short))
    pull = await propose(short, {POLICY_PATH: policy(short) + freezes(99).encode(), TESTS: SLOW})
    other = await short.propose()
    await short.says(other, WAITS, "1 approval from senior-developers")
    await short.says(pull, DENIED, "its tests not decided, within 1.5 s of computing")


async def longest_wait(until: asyncio.Task[object]) -> float:
    """How long others had to wait for the event loop at most."""
    loop = asyncio.get_running_loop()
    longest = 0.0
    while not until.done():
        before = loop.time()
        await asyncio.sleep(0.01)
        longest = max(longest, loop.time() - before)
    return longest


async def test_nobody_waits_for_a_simulation_of_a_policy_that_takes_long(short: Played) -> None:
    pull = await short.propose()
    await short.settled()
    other = simulation.policy(short) + freezes(60)
    asking = asyncio.create_task(simulation.simulated(short, pull, policy=other, question="deploy"))
    assert await longest_wait(asking) < 1.5
    assert (await asking)["simulated"][0]["after"]["outcome"] != "allow"


async def test_nobody_changes_the_policy_by_breaking_the_glass(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        played = found.played
        glass = "    break_glass: {groups: [senior-developers, risk-managers], review_by: leads}\n"
        there = policy(played).decode().replace("groups:\n", "groups:\n  leads: {members: [bob, dana]}\n", 1) + glass
        await played.world.put_policy(there.encode())
        other = there.replace("expires: 72h", "expires: 96h").encode()
        pull = await propose(played, {POLICY_PATH: other})
        await played.prompted(pull)
        await played.settled()
        _, listed = await played.call("GET", "/api/v1/releases")
        (release,) = [one["id"] for one in listed["releases"] if one["kind"] == "policy"]
        found.stage.release = release
        for who in ("bob", "carol"):
            status, body = await found.statement(who, "break-glass", incident=INCIDENT, environment="policy")
            assert (status, body.get("code")) == (409, "statement.no_glass"), body
        await played.settled()
        await played.says(pull, WAITS, "1 approval from senior-developers")
        await played.merge(pull)
        assert await steps(played, sha256_hex(other)) == []
