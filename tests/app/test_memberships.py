"""Who belongs to a group, since when, and who gave it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.db.database import Database
from app.people import store
from tests.db.opened import opened

SOURCE = "github-team:7"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as found:
        yield found


async def test_who_gave_a_membership_is_not_forgotten_when_it_was_out_of_sight(database: Database) -> None:
    """GitHub's list may lag behind its own delivery: then somebody just added seems to leave and to come by nobody."""

    async def join(by: str, at: int) -> None:
        await database.write(lambda tx: store.join(tx, "acme", SOURCE, {"github:1": by}, at))

    await join("github:2", 10)
    await database.write(lambda tx: store.leave(tx, "acme", SOURCE, ["github:1"], 11))
    await join("", 12)
    found = await database.read(lambda tx: store.memberships(tx, "acme", SOURCE))
    assert found == {"github:1": (12, "github:2")}
    await join("github:3", 13)
    found = await database.read(lambda tx: store.memberships(tx, "acme", SOURCE))
    assert found == {"github:1": (12, "github:3")}
