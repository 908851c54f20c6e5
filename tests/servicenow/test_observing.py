"""Every call to ServiceNow is told, with how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integrations.errors import NeighbourError
from integrations.observing import CallResult
from integrations.servicenow.auth import BasicCredentials
from integrations.servicenow.client import PysnowServiceNow
from integrations.servicenow.simulator import ServiceNowSimulator
from tests.servicenow.support import HandClock, new_change

Heard = list[tuple[str, CallResult, float]]


@pytest.fixture
def heard() -> Heard:
    return []


@pytest.fixture
async def told(simulator: ServiceNowSimulator, clock: HandClock, heard: Heard) -> AsyncIterator[PysnowServiceNow]:
    def observe(neighbour: str, result: CallResult, seconds: float) -> None:
        heard.append((neighbour, result, seconds))

    credentials = BasicCredentials(simulator.user, simulator.password)
    client = PysnowServiceNow(simulator.base_url, credentials, clock=clock, observe=observe)
    yield client
    await client.close()


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, "ok"), (403, "refused"), (404, "not_found"), (429, "rate_limited"), (500, "unavailable")],
)
async def test_how_a_read_ended_is_told(
    told: PysnowServiceNow, simulator: ServiceNowSimulator, heard: Heard, status: int, result: CallResult
) -> None:
    if status != 200:
        simulator.fail_next("GET", ".*", status)
    try:
        await told.whoami()
    except NeighbourError:
        assert result != "ok"
    assert heard == [("servicenow", result, 0.0)]


async def test_a_write_that_may_have_happened_is_told_as_in_doubt(
    told: PysnowServiceNow, simulator: ServiceNowSimulator, heard: Heard
) -> None:
    simulator.fail_next("POST", "/table/change_request$", 500, commit_first=True)
    with pytest.raises(NeighbourError):
        await told.open_change(new_change())
    assert heard[-1] == ("servicenow", "in_doubt", 0.0)
