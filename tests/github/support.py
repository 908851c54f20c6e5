"""Hands for the tests: a clock that is moved, a receiver of webhooks, signed deliveries."""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple

import msgspec
from aiohttp import web

from integrations.github.client import RestGitHubApp
from integrations.github.events import Event, parse_event
from integrations.github.installation import RestGitHub
from integrations.github.simulator import GitHubSimulator
from integrations.github.simulator.model import App, Installation, Pull
from integrations.github.webhook import verify

REPOSITORY = "acme/models"
SECRET = b"0123456789abcdef0123456789abcdef"
SECOND = 1_000_000
HOUR = 3600 * SECOND


class HandClock:
    """Microseconds since 1970 UTC. Sleeping moves it and takes no time."""

    def __init__(self, now: int = 1_800_000_000 * SECOND) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * SECOND)


class Received(msgspec.Struct):
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["X-GitHub-Event"]


class Receiver:
    """Takes deliveries over HTTP; answers ``status``."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        self.status = 202
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._handle))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.got.append(Received(dict(request.headers), await request.read()))
        return web.Response(status=self.status)

    async def __aenter__(self) -> Receiver:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhooks/github"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()


def signed(body: bytes, event: str, secret: bytes = SECRET, guid: str = "11111111-2222") -> dict[str, str]:
    """Headers as GitHub sends them."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": "sha256=" + hmac.digest(secret, body, "sha256").hex(),
    }


class House(NamedTuple):
    """Everything a test of the client needs. The repository is ``acme/models``."""

    simulator: GitHubSimulator
    receiver: Receiver
    clock: HandClock
    app_client: RestGitHubApp
    github: RestGitHub
    app: App
    installation: Installation

    def open_pull(self, author: str = "alice") -> Pull:
        """A pull request of one commit by its author."""
        branch = f"change-{len(self.simulator.world.repository(REPOSITORY).pulls)}"
        self.simulator.push(REPOSITORY, branch, {f"{branch}.txt": b"1"}, author=author)
        return self.simulator.open_pull(REPOSITORY, branch, author=author)

    def called(self, method: str, path: str) -> int:
        """How often the API was called so."""
        return sum(one == method and re.search(path, where) is not None for one, where, _ in self.simulator.calls)

    async def events(self) -> list[tuple[str, Event]]:
        """What was delivered so far, verified and parsed."""
        await self.simulator.settle()
        found = []
        for received in self.receiver.got:
            delivery = verify(received.headers, received.body, [SECRET])
            found.append((delivery.event, parse_event(delivery.event, received.body)))
        return found
