"""What the sweep finds out by itself."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from app.people import store
from app.sandbox.world import REPOSITORY, TENANT
from tests.journey.played import Played

TEAMS = {"senior-developers": ("alice", "bob", "dana"), "risk": ("carol", "dana")}


async def known(played: Played, team: str) -> set[str]:
    """The accounts whose membership in a team is written down."""
    source = f"github-team:{played.github.world.team('acme', team).id}"
    rows = await played.service.database.read(lambda tx: store.memberships(tx, TENANT, source))
    return set(rows)


def accounts(played: Played, logins: Iterable[str]) -> set[str]:
    return {f"github:{played.github.world.user(login).id}" for login in logins}


@pytest.mark.parametrize("team", TEAMS)
async def test_members_are_known_from_the_first_sweep_on_before_anything_is_proposed(short: Played, team: str) -> None:
    assert await known(short, team) == set()
    await short.service.repair()
    assert await known(short, team) == accounts(short, TEAMS[team])


async def test_a_policy_that_cannot_be_read_does_not_end_the_sweep(short: Played) -> None:
    short.github.push(REPOSITORY, "main", {".github/countersign.yaml": b"schema: nonsense\n"}, author="alice")
    await short.service.repair()
    assert await known(short, "risk") == set()
