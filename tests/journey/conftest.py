"""Worlds to play in: a service on SQLite or PostgreSQL, with both simulators, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.sandbox.world import World
from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url
from tests.journey.played import Played

__all__ = ["database_url", "new_postgres", "new_url", "postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def github_key() -> rsa.RSAPrivateKey:
    """One for all worlds: making it takes longer than a journey."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


async def started(world: World) -> AsyncIterator[Played]:
    played = Played(world)
    try:
        await world.start()
        yield played
    finally:
        await played.close()
        await world.stop()


@pytest.fixture
async def world(tmp_path: Path, github_key: rsa.RSAPrivateKey) -> AsyncIterator[Played]:
    """With the whole policy, change requests included."""
    async for played in started(World(tmp_path, github_key=github_key)):
        yield played


@pytest.fixture
async def short(tmp_path: Path, github_key: rsa.RSAPrivateKey) -> AsyncIterator[Played]:
    """With a policy that asks for no change request, so that two approvals are enough."""
    async for played in started(World(tmp_path, github_key=github_key, change=False)):
        yield played


@pytest.fixture
async def either(tmp_path: Path, github_key: rsa.RSAPrivateKey, new_url: Callable[[], str]) -> AsyncIterator[Played]:
    """The whole policy, on SQLite and on PostgreSQL."""
    async for played in started(World(tmp_path, github_key=github_key, database_url=new_url())):
        yield played
