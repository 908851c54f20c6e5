"""Rules apply by what the pull request is: its branch, its size, what it changes, who asks."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import text

from app.decisions import snapshots
from app.sandbox.world import REPOSITORY
from gates.model import PullFacts, ReleaseFacts
from tests.journey.played import GREEN, WAITS, Played
from tests.journey.rules import policy

SIZES = ["size: {files: 7}", "size: {lines: 400}", "head_ref: ['hotfix-*']", 'changed: ["src/**"]']


@pytest.mark.parametrize("when", SIZES)
async def test_a_rule_for_large_or_special_changes_asks_only_of_those(either: Played, when: str) -> None:
    await either.world.put_policy(policy(when=when))
    small = await either.propose()
    await either.approve(small, "bob")
    await either.says(small, GREEN)
    large = await either.propose(
        either.files("4.0.0", folder="releases/overnight", name="overnight")
        | {f"src/part-{number}.py": b"x = 1\n" * 200 for number in range(4)},
        branch="hotfix-1",
    )
    await either.approve(large, "bob")
    await either.says(large, WAITS, "risk-managers")


async def test_a_branch_of_a_fork_is_named_with_its_owner(short: Played) -> None:
    await short.world.put_policy(policy(when="head_ref: ['alice:main']"))
    fork = short.github.fork(REPOSITORY, "alice")
    short.github.push(fork.full_name, "main", short.files(), author="alice")
    pull = short.github.open_pull(REPOSITORY, "alice:main", author="alice")
    await short.prompted(pull)
    await short.says(pull, WAITS, "senior-developers", "risk-managers")


async def test_a_rule_can_ask_only_of_what_somebody_in_a_group_asks_for(either: Played) -> None:
    await either.world.put_policy(policy(when="requester: [senior-developers]"))
    asked = await either.propose()
    await either.says(asked, WAITS, "risk-managers")
    other = await either.propose(
        either.files("4.0.0", folder="releases/overnight", name="overnight"), branch="other", by="mallory"
    )
    await either.says(other, WAITS, "senior-developers", without="risk-managers")


async def facts(played: Played) -> tuple[PullFacts, ReleaseFacts]:
    newest = text("SELECT snapshot FROM decisions ORDER BY at DESC, id LIMIT 1")
    row = await played.service.database.read(lambda tx: tx.first(newest))
    assert row is not None
    _, found = await played.service.database.read(lambda tx: snapshots.load(tx, played.service.blobs, row.snapshot))
    return found.pull, found.release


async def test_snapshots_hold_what_rules_ask_and_no_more(short: Played) -> None:
    await short.world.put_policy(policy())
    pull = await short.propose()
    short.github.label(REPOSITORY, pull.number, "b", by="alice")
    short.github.label(REPOSITORY, pull.number, "a", by="alice")
    await short.approve(pull, "bob")
    await short.says(pull, GREEN)
    await short.settled()
    plain, release = await facts(short)
    assert (plain.head_ref, plain.labels) == ("release-3.2.0", ("a", "b"))
    assert (plain.changed, plain.files, plain.lines) == (None, None, None)
    assert 0 < release.head_since <= short.world.clock()
    await short.world.put_policy(policy(when='size: {files: 1}, changed: ["nothing"]'))
    await short.says(pull, WAITS)
    await short.settled()
    full, _ = await facts(short)
    assert full.changed == tuple(sorted(short.files()))
    assert full.files == len(short.files())
    assert full.lines is not None
    assert full.lines > 0
    assert msgspec.structs.replace(full, changed=None, files=None, lines=None, seen_at=plain.seen_at) == plain
