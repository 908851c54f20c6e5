"""Addresses of empty databases of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes empty databases; a test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("new_postgres")
        return make
    count = iter(range(100))
    return lambda: f"sqlite:///{tmp_path}/{next(count)}.db"


@pytest.fixture
def database_url(new_url: Callable[[], str]) -> str:
    return new_url()
