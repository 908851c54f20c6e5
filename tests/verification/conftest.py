"""Databases for these tests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url
from tests.verification import made

__all__ = ["database_url", "new_postgres", "new_url", "postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a log of 700 records in 30 batches, verified up to record 400; to be copied, never written."""
    path = tmp_path_factory.mktemp("long") / "log.db"
    asyncio.run(made.write_long(path))
    return path
