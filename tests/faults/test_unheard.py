"""A word that arrived and was not heard: the gate does not go on as if nobody had spoken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.clock import SECOND, now
from app.sandbox.world import REPOSITORY, World
from tests.journey.played import GREEN, Played


class Hands:
    """A clock that a test moves on."""

    ahead = 0

    def __call__(self) -> int:
        return now() + self.ahead * SECOND


@pytest.fixture
async def played(tmp_path: Path) -> AsyncIterator[tuple[Played, Hands]]:
    hands = Hands()
    world = World(tmp_path, change=False, clock=hands)
    playing = Played(world)
    await world.start()
    yield playing, hands
    await playing.close()
    await world.stop()


async def test_a_retraction_that_cannot_be_worked_on_makes_the_gate_wait(played: tuple[Played, Hands]) -> None:
    """The workers stand still; what the gate itself reads stays fresh."""
    world, hands = played
    pull = await world.propose()
    comment = world.comment(pull, "bob", world.line(pull))
    await world.approve(pull, "carol")
    await world.says(pull, GREEN)
    commit = await world.merge(pull)
    assert (await world.ask(commit)).decision == "allow"
    world.service.runner._handlers = {}
    world.github.delete_comment(REPOSITORY, comment.id, by="bob")
    await world.github.settle()
    hands.ahead = 61
    answer = await world.ask(commit)
    assert answer.decision == "wait"
    assert "the pull request (GitHub)" in answer.text()
