"""A provider with a small organisation: cleo is over mona and max, mona over ada and bo."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.clock import now
from integrations.identity.client import ScimIdentity
from integrations.identity.simulator import IdentitySimulator


@pytest.fixture
async def simulator() -> AsyncIterator[IdentitySimulator]:
    running = IdentitySimulator()
    running.add_user("cleo")
    for name, manager in (("mona", "cleo"), ("max", "cleo"), ("ada", "mona"), ("bo", "mona")):
        running.add_user(name, manager=manager)
    running.add_group("Risk", ["ada", "bo"])
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(simulator: IdentitySimulator) -> AsyncIterator[ScimIdentity]:
    speaking = ScimIdentity(simulator.base_url, simulator.token, clock=now)
    yield speaking
    await speaking.close()
