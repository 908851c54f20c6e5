"""Databases and worlds for these tests."""

from __future__ import annotations

from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url
from tests.journey.conftest import github_key
from tests.stateful.conftest import lively

__all__ = ["database_url", "github_key", "lively", "new_postgres", "new_url", "postgres_server", "postgres_url"]
