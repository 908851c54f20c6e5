"""Whatever order deliveries come in, and however often: after one sweep the verdict is that of the history as it was.

A history is lived by one service. Its deliveries are then given, shuffled and doubled, to a service that knows nothing
yet; both look at the same GitHub.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from app.db.tx import Tx
from app.sandbox.adopting import adopt_standing
from app.sandbox.world import REPOSITORY
from app.service import Service, open_service
from app.settings.model import DatabaseSettings, KeySettings
from integrations.github.simulator.deliveries import _headers
from integrations.github.simulator.model import Delivery
from tests.stateful.acts import LETTING
from tests.stateful.histories import History
from tests.stateful.lively import Lively
from tests.stateful.playground import ENVIRONMENTS, LOOSE, Desk
from tests.stateful.powers import Powers
from tests.stateful.watch import Watch

EXAMPLES = int(os.environ.get("COUNTERSIGN_ORDERS", "12"))
STRICTNESS = {"allow": 0, "wait": 1, "deny": 2}

_who = st.sampled_from(("alice", "bob", "carol", "dana"))
_index = st.integers(0, 5)
granting = st.one_of(
    st.tuples(st.just("approve"), _who),
    st.tuples(st.just("approve"), st.sampled_from(("bob", "carol"))),
    st.tuples(st.just("push"), st.sampled_from(("alice", "mallory"))),
    st.tuples(st.just("force_back"), st.just("alice"), _index),
    st.tuples(st.just("spoil"), _index, st.sampled_from(("edit", "delete")), _who),
    st.tuples(st.just("withhold"), _who, st.just("revoke")),
    st.tuples(st.just("close_and_reopen"), st.just("alice")),
    st.tuples(st.just("retarget_and_back"), st.just("alice")),
)
stopping = st.one_of(
    st.tuples(st.just("withhold"), _who, st.sampled_from(("reject", "hold"))), st.tuples(st.just("unhold"), _who)
)


_named = st.sampled_from((ENVIRONMENTS, ENVIRONMENTS, ("production",), ("staging",)))
acting = st.one_of(
    st.tuples(st.sampled_from(("two approve", "one acts for another"))),
    st.tuples(st.just("approve"), st.sampled_from(("bob", "carol", "mallory", "dana")), _named),
    st.tuples(st.just("delegate"), st.sampled_from(("bob", "carol")), st.sampled_from(("mallory", "dana")), _named),
    st.tuples(st.just("push"), st.just("alice"), st.sampled_from(("readme", "readme", "source"))),
    st.tuples(st.just("force_back"), st.just("alice"), _index),
)
taking = st.one_of(
    st.tuples(st.just("spoil"), _index, st.sampled_from(("edit", "delete")), _who),
    st.tuples(st.just("withhold"), _who, st.sampled_from(("revoke", "reject"))),
    st.tuples(st.just("close_and_reopen"), st.just("alice")),
    st.tuples(st.just("retarget_and_back"), st.just("alice")),
)


class Replica:
    """A fresh service over the same GitHub, told only what a test tells it."""

    def __init__(self, lively: Lively, folder: Path, repository: str = REPOSITORY) -> None:
        self.lively, self.repository = lively, repository
        lively.count += 1
        where = folder / str(lively.count)
        where.mkdir()
        world = lively.world
        self.settings = world.settings(world.github.base_url).model_copy(
            update={
                "database": DatabaseSettings(url=SecretStr(f"sqlite:///{where}/other.db")),
                "keys": KeySettings(directory=where / "keys"),
            }
        )

    def verdict(self, deliveries: list[Delivery], number: int) -> str:
        service = self.lively.run(self._started())
        try:
            self.lively.run(self._tell(service, deliveries))
            self.lively.settle(service)
            self.lively.run(service.repair())
            self.lively.settle(service)
            return self.lively.run(outcome(service, number, self.repository))
        finally:
            self.lively.run(service.stop())
            self.lively.settle()

    async def _started(self) -> Service:
        service = await open_service(self.settings, clock=self.lively.clock)
        await adopt_standing(service.database, self.lively.github, self.repository, "main", self.lively.clock())
        await service.start(sweep=False)
        return service

    async def _tell(self, service: Service, deliveries: list[Delivery]) -> None:
        async with aiohttp.ClientSession() as session:
            for delivery in deliveries:
                url = f"{service.address}/webhooks/github"
                async with session.post(url, data=delivery.body, headers=_headers(delivery)) as answer:
                    assert answer.status == 202
                await asyncio.sleep(0)


async def outcome(service: Service, number: int, repository: str = REPOSITORY) -> str:
    sql = text(
        "SELECT p.outcome FROM pulls p JOIN repositories r ON r.id = p.repository_id"
        " WHERE p.number = :number AND r.name = :repository"
    )

    def read(tx: Tx) -> str:
        row = tx.first(sql, number=number, repository=repository)
        return str(row.outcome) if row is not None else ""

    return await service.database.read(read)


@pytest.mark.parametrize("acts", [granting, st.one_of(granting, stopping)], ids=["granting", "stopping"])
def test_the_order_of_deliveries_makes_nothing_laxer(
    lively: Lively, tmp_path: Path, acts: st.SearchStrategy[tuple[object, ...]], request: pytest.FixtureRequest
) -> None:
    """Where nobody holds or rejects, it makes no difference at all; a lift that comes before its hold lifts nothing."""
    exact = "granting" in request.node.name

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 12, suppress_health_check=list(HealthCheck),
        database=None, phases=(Phase.explicit, Phase.generate),
    )  # fmt: skip
    @given(st.lists(acts, min_size=2, max_size=9), st.randoms(use_true_random=False))
    def check(history: list[tuple[object, ...]], shuffle: random.Random) -> None:
        lived, deliveries, number = live(lively, history)
        told = [*deliveries, *shuffle.sample(deliveries, len(deliveries) // 2)]
        shuffle.shuffle(told)
        try:
            shuffled = Replica(lively, tmp_path).verdict(told, number)
        finally:
            lively.github.close_pull(REPOSITORY, number, by="mallory")
            lively.settle()
        order = [f"{one.event} {one.action} {one.guid[:4]}" for one in told]
        assert STRICTNESS[shuffled] >= STRICTNESS[lived], (history, order)
        assert not exact or shuffled == lived, (history, order)

    check()


@pytest.mark.parametrize("kind", LOOSE)
def test_the_order_of_delegations_and_of_harmless_pushes_makes_nothing_laxer(
    desk: Desk, tmp_path: Path, kind: str
) -> None:
    """With people who act for others, approvals for one environment of two, and approvals that outlive pushes."""
    lively, laxer = desk.lively, st.one_of(acting, acting, taking)

    @settings(
        max_examples=EXAMPLES // 2, deadline=None, derandomize=EXAMPLES <= 12, suppress_health_check=list(HealthCheck),
        database=None, phases=(Phase.explicit, Phase.generate),
    )  # fmt: skip
    @given(st.lists(laxer, min_size=3, max_size=9), st.randoms(use_true_random=False))
    def check(history: list[tuple[Any, ...]], shuffle: random.Random) -> None:
        before = lively.github.deliveries.log[-1].id
        powers = Powers(desk, kind)
        for name, *arguments in history:
            act = LETTING.get(name)
            _ = act(powers) if act else getattr(powers, name)(*arguments)
            lively.settle()
        lived = lively.run(outcome(lively.service, powers.case.number, powers.repository))
        deliveries = told_of(lively, before)
        told = [*deliveries, *shuffle.sample(deliveries, len(deliveries) // 2)]
        shuffle.shuffle(told)
        try:
            shuffled = Replica(lively, tmp_path, powers.repository).verdict(told, powers.case.number)
        finally:
            Watch(lively).end(powers)
        order = [f"{one.event} {one.action} {one.guid[:4]}" for one in told]
        assert STRICTNESS[shuffled] >= STRICTNESS[lived], (powers.told(), order)

    check()


def told_of(lively: Lively, before: int) -> list[Delivery]:
    """What was delivered about pull requests since the delivery ``before``."""
    about = ("pull_request", "issue_comment", "pull_request_review")
    return [one for one in lively.github.deliveries.log if one.id > before and one.event in about]


def live(lively: Lively, acts: list[tuple[object, ...]]) -> tuple[str, list[Delivery], int]:
    before = lively.github.deliveries.log[-1].id
    history = History(lively)
    lively.settle()
    for name, *arguments in acts:
        getattr(history, str(name))(*arguments)
        lively.settle()
    lived = lively.run(outcome(lively.service, history.number))
    return lived, told_of(lively, before), history.number
