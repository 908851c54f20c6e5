"""How far back the sweep looks for deliveries that nobody answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest

from app.clock import SECOND
from app.db.database import Database
from app.facts.gather import Gatherer
from app.sweeps.repair import OVERLAP_S, REDELIVERY_S, Repair
from app.tenants.registry import Tenants
from integrations.errors import InDoubtError, NeighbourError, NotFoundError, RateLimitedError, RefusedError
from integrations.github.port import GitHubApp
from tests.db.opened import opened

NOW = 1_790_000_000 * SECOND
THREE_DAYS = NOW - REDELIVERY_S * SECOND


class Deliveries:
    """GitHub's list of two failed deliveries, the first of which it may not send again."""

    def __init__(self, error: NeighbourError | None) -> None:
        self.error = error
        self.asked: list[int] = []
        self.sent: list[int] = []

    async def failed_deliveries(self, since: int) -> tuple[int, ...]:
        self.asked.append(since)
        return 1, 2

    async def redeliver(self, delivery: int) -> None:
        if delivery == 1 and self.error is not None:
            raise self.error
        self.sent.append(delivery)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as found:
        yield found


@pytest.mark.parametrize(
    ("error", "sent", "since"),
    [
        (None, [1, 2], NOW - OVERLAP_S * SECOND),
        (RefusedError("too old"), [2], NOW - OVERLAP_S * SECOND),
        (NotFoundError("gone"), [2], NOW - OVERLAP_S * SECOND),
        (InDoubtError("no answer"), [2], THREE_DAYS),
        (RateLimitedError("too many"), [], THREE_DAYS),
    ],
)
async def test_what_was_sent_again_is_not_looked_for_twice_and_what_was_not_is(
    database: Database, error: NeighbourError | None, sent: list[int], since: int
) -> None:
    github = Deliveries(error)
    repair = Repair(database, Tenants([]), cast(GitHubApp, github), cast(Gatherer, None), lambda: NOW)
    await repair()
    assert github.sent == sent
    await repair()
    assert github.asked == [THREE_DAYS, since]
