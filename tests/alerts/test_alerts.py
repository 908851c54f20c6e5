"""Alarms reach people, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.alerts.service import QUEUED, REPEAT_S, Alerts
from app.metrics import Metrics
from integrations.alerts.client import AppriseChannel, is_address
from tests.sinks.made import Clock


class Inbox:
    """Somebody's endpoint for alerts; ``failing`` of the next requests are answered 503."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.failing = 0
        self.address = ""

    async def take(self, request: web.Request) -> web.Response:
        if self.failing:
            self.failing -= 1
            return web.Response(status=503)
        self.got.append(await request.json())
        return web.Response()

    async def until(self, number: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            while len(self.got) < number:
                await asyncio.sleep(0.01)
        return self.got


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    found = Inbox()
    app = web.Application()
    app.router.add_post("/", found.take)
    server = TestServer(app)
    await server.start_server()
    found.address = f"json://127.0.0.1:{server.port}/"
    yield found
    await server.close()


@pytest.fixture
async def alerts(inbox: Inbox, clock: Clock) -> AsyncIterator[Alerts]:
    made = Alerts(AppriseChannel([inbox.address]), "https://countersign.example", clock, first_pause_s=0.01)
    made.start()
    yield made
    await made.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_an_alarm_that_is_counted_is_sent(inbox: Inbox, alerts: Alerts) -> None:
    metrics = Metrics()
    metrics.on_alarm = alerts.alarm
    metrics.alarm("anchor", "the log acme was rolled back")
    (got,) = await inbox.until(1)
    assert got["title"] == "Countersign alarm: anchor"
    assert "the log acme was rolled back" in got["message"]
    assert "https://countersign.example" in got["message"]
    assert 'countersign_alarms_total{kind="anchor"} 1.0' in metrics.exposition().decode()


async def test_the_same_alarm_is_not_repeated_before_its_time(inbox: Inbox, alerts: Alerts, clock: Clock) -> None:
    for _ in range(5):
        alerts.alarm("sink", "worm is behind")
    alerts.alarm("sink", "kafka is behind")
    assert len(await inbox.until(2)) == 2
    clock.after(REPEAT_S + 1)
    alerts.alarm("sink", "worm is behind")
    assert [got["message"].partition("\n")[0] for got in await inbox.until(3)] == [
        "worm is behind", "kafka is behind", "worm is behind",
    ]  # fmt: skip


async def test_an_endpoint_that_fails_at_first_is_asked_again(inbox: Inbox, alerts: Alerts) -> None:
    inbox.failing = 3
    alerts.alarm("log", "the disk is full")
    assert len(await inbox.until(1)) == 1


async def test_one_that_cannot_be_sent_does_not_stop_the_next(inbox: Inbox, alerts: Alerts) -> None:
    inbox.failing = 5
    alerts.alarm("log", "the disk is full")
    alerts.alarm("log", "the disk is gone")
    (got,) = await inbox.until(1)
    assert "the disk is gone" in got["message"]


async def test_secrets_are_not_sent(inbox: Inbox, alerts: Alerts) -> None:
    alerts.alarm("log", "cannot reach postgresql://me:hunter2@db/x with cs_0123456789abcdef_" + "x" * 43)
    (got,) = await inbox.until(1)
    assert "hunter2" not in got["message"]
    assert "xxxx" not in got["message"]


async def test_more_than_can_be_queued_is_left_out_and_nobody_waits(clock: Clock) -> None:
    alerts = Alerts(AppriseChannel([]), "here", clock)
    for number in range(QUEUED + 5):
        alerts.alarm("log", str(number))


def test_addresses_are_known_or_not() -> None:
    assert is_address("json://127.0.0.1/")
    assert not is_address("nonsense")


class Hanging:
    """Answers nothing to the alarms about the log, and takes the others."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.sent = asyncio.Event()

    async def send(self, title: str, body: str) -> None:
        if title.endswith("log"):
            await asyncio.Event().wait()
        self.got.append(title)
        self.sent.set()


async def test_a_place_that_hangs_holds_up_no_other_alarm_for_good(clock: Clock) -> None:
    channel = Hanging()
    alerts = Alerts(channel, "here", clock, first_pause_s=0.001, send_s=0.001)
    alerts.start()
    alerts.alarm("log", "the disk is full")
    alerts.alarm("sink", "worm is behind")
    async with asyncio.timeout(10):
        await channel.sent.wait()
    await alerts.stop()
    assert channel.got == ["Countersign alarm: sink"]
