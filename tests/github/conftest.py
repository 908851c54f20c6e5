"""A simulated GitHub with one App, one repository and four people, and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from integrations.github.client import RestGitHubApp
from integrations.github.simulator import GitHubSimulator
from tests.github.keys import app_private_key
from tests.github.support import SECRET, HandClock, House, Receiver


@pytest.fixture(scope="session")
def app_key() -> rsa.RSAPrivateKey:
    return app_private_key()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


@pytest.fixture
async def simulator(clock: HandClock) -> AsyncIterator[GitHubSimulator]:
    async with GitHubSimulator(clock=clock) as running:
        yield running


@pytest.fixture
async def house(
    simulator: GitHubSimulator, receiver: Receiver, clock: HandClock, app_key: rsa.RSAPrivateKey
) -> AsyncIterator[House]:
    for login in ("alice", "bob", "carol", "dave"):
        simulator.create_user(login)
    app = simulator.create_app("countersign", app_key, webhook_url=receiver.url, secret=SECRET)
    simulator.create_repository("acme/models")
    installation = simulator.install_app("countersign", "acme")
    client = RestGitHubApp(
        str(app.id),
        app_key,
        clock=clock,
        base_url=simulator.base_url,
        pacing=False,
        timeout_s=2,
        sleep=clock.sleep,
    )
    yield House(simulator, receiver, clock, client, client.installation(installation.id), app, installation)
    await client.close()
