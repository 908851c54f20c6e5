"""Approvals that outlive a push, where the rule keeps them."""

from __future__ import annotations

from app.sandbox import documents
from app.sandbox.world import REPOSITORY
from integrations.github.simulator.model import Pull
from tests.journey.played import BRANCH, GREEN, WAITS, Played
from tests.journey.rules import policy

KEPT = policy(more='keep: {unless_changed: ["src/**"]}')
NOTE = {"docs/note.md": b"Only a word.\n"}
CODE = {"src/train.py": b"print()\n"}


async def approved(played: Played, text: bytes = KEPT) -> Pull:
    await played.world.put_policy(text)
    pull = await played.propose(played.files() | {"src/train.py": b"pass\n"})
    await played.approve(pull, "bob")
    await played.says(pull, GREEN)
    return pull


async def test_an_approval_outlives_a_push_that_changes_nothing_of_the_rule_and_goes_live(either: Played) -> None:
    pull = await approved(either)
    before = pull.head_sha
    either.push(NOTE)
    assert pull.head_sha != before
    await either.says(pull, GREEN)
    commit = await either.merge(pull)
    await either.allowed(commit)


async def test_an_approval_ends_with_a_push_that_changes_what_the_rule_names(either: Played) -> None:
    pull = await approved(either)
    either.push(CODE)
    await either.says(pull, WAITS, "bob's approval does not count: it is void: a push replaced")


async def test_an_approval_ends_with_a_push_that_changes_the_release(short: Played) -> None:
    pull = await approved(short)
    short.push(short.files("3.2.1"))
    await short.says(pull, WAITS, "a push replaced")


async def test_without_the_rule_every_push_ends_an_approval(short: Played) -> None:
    pull = await approved(short, policy())
    short.push(NOTE)
    await short.says(pull, WAITS, "a push replaced")


async def test_a_tree_that_is_not_shown_whole_ends_an_approval(short: Played) -> None:
    pull = await approved(short)
    short.github.lists.tree_entries = 1
    short.push(NOTE)
    await short.says(pull, WAITS, "a push replaced")


async def test_what_was_ended_does_not_come_back_with_the_old_head(short: Played) -> None:
    pull = await approved(short)
    before = pull.head_sha
    short.push(CODE)
    await short.says(pull, WAITS, "a push replaced")
    short.github.force_push(REPOSITORY, BRANCH, before, pusher="alice")
    await short.says(pull, WAITS, "a push replaced")


async def test_a_head_that_comes_back_keeps_its_approval_only_if_nothing_in_between_changed_what_counts(
    either: Played,
) -> None:
    pull = await approved(either)
    before = pull.head_sha
    for _ in range(2):
        either.push(NOTE)
        await either.says(pull, GREEN)
        either.github.force_push(REPOSITORY, BRANCH, before, pusher="alice")
        await either.says(pull, GREEN)
    either.github.deliveries.pause()
    either.push({documents.MODEL: documents.train(shift=0.5).model})
    either.github.force_push(REPOSITORY, BRANCH, before, pusher="alice")
    either.github.deliveries.resume()
    await either.says(pull, WAITS, "a push replaced")
