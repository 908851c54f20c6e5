"""Databases for these tests."""

from __future__ import annotations

from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url

__all__ = ["database_url", "new_postgres", "new_url", "postgres_server", "postgres_url"]
