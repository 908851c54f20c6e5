"""Databases and worlds for the console's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.halfway import Halfway
from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url

__all__ = ["database_url", "halfway", "new_postgres", "new_url", "postgres_server", "postgres_url"]


@pytest.fixture
async def halfway(tmp_path: Path) -> AsyncIterator[Halfway]:
    """A running service with a release that bob has approved and carol has not."""
    world = Halfway(tmp_path)
    try:
        await world.start()
        yield world
    finally:
        await world.stop()
