"""An instance with two groups of people, and ways to talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from integrations.servicenow.auth import BasicCredentials
from integrations.servicenow.client import PysnowServiceNow
from integrations.servicenow.simulator import ServiceNowSimulator, Settings
from tests.servicenow.support import HandClock, Rest


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def simulator(clock: HandClock) -> AsyncIterator[ServiceNowSimulator]:
    """Flows run only when told to."""
    running = ServiceNowSimulator(Settings(approval_delay_s=None), clock=clock)
    for name in ("rita.risk", "rob.risk", "carl.cab", "cora.cab"):
        running.add_user(name, password=f"{name}-pw")
    running.add_user("root", password="root-pw", roles=("admin",))
    running.add_group("Change Management", ["rita.risk", "rob.risk"])
    running.add_member("CAB Approval", "carl.cab")
    running.add_member("CAB Approval", "cora.cab")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def rest(simulator: ServiceNowSimulator) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Rest(simulator, session)


@pytest.fixture
async def client(simulator: ServiceNowSimulator, clock: HandClock) -> AsyncIterator[PysnowServiceNow]:
    credentials = BasicCredentials(simulator.user, simulator.password)
    speaking = PysnowServiceNow(simulator.base_url, credentials, clock=clock, timeout_s=20)
    yield speaking
    await speaking.close()
