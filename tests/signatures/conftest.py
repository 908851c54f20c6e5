"""A running stage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url
from tests.signatures.stage import Stage

__all__ = ["database_url", "new_postgres", "new_url", "postgres_server", "postgres_url", "stage"]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    found = Stage(tmp_path)
    try:
        await found.start()
        yield found
    finally:
        await found.world.stop()
