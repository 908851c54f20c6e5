"""Accounts that the tenant lists as machines' never count, whatever GitHub calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import text

from app.sandbox.world import World
from app.settings.model import Settings
from gates.model import Consent
from tests.journey.played import GREEN, WAITS, Played
from tests.journey.rules import policy


def listed(settings: Settings) -> Settings:
    file = settings.tenants[0].policy
    file.write_bytes(file.read_bytes().replace(b"key_cooldown: 0s", b"key_cooldown: 0s, machines: [BOB]"))
    return settings


@pytest.fixture
async def played(tmp_path: Path, github_key: rsa.RSAPrivateKey) -> AsyncIterator[Played]:
    world = World(tmp_path, github_key=github_key, change=False)
    found = Played(world)
    try:
        await world.start(configure=listed)
        yield found
    finally:
        await found.close()
        await world.stop()


async def test_a_machine_in_the_group_fills_no_seat_and_a_human_does(played: Played) -> None:
    await played.world.put_policy(policy())
    pull = await played.propose()
    await played.approve(pull, "bob")
    await played.says(pull, WAITS, "bob's approval does not count: it was not made by a human's own hand")
    rows = await played.service.database.read(lambda tx: tx.all(text("SELECT consent_json FROM grants")))
    assert [msgspec.json.decode(row.consent_json, type=Consent).kind for row in rows] == ["Machine"]
    await played.approve(pull, "dana")
    await played.says(pull, GREEN)
