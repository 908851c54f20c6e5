"""The running service feeds the sinks that its settings name, and compares its anchors before it listens."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from app.audit.projection import log_facts
from app.db.database import Database
from app.sandbox.world import World
from app.settings.model import AuditSettings, Settings
from integrations.objectlock.local import LocalWorm


async def anchored(folder: LocalWorm, after: int = 0) -> None:
    """Until the system log has more than ``after`` anchors."""
    async with asyncio.timeout(60):
        while len(await folder.keys("system/checkpoint/")) <= after:
            await asyncio.sleep(0.05)


async def problem(database: Database) -> str:
    return (await database.read(lambda tx: log_facts(tx, "system"))).problem


async def test_a_service_on_an_older_state_of_its_database_decides_nothing(tmp_path: Path) -> None:
    folder = LocalWorm(tmp_path / "worm")

    def configure(settings: Settings) -> Settings:
        return settings.model_copy(update={"audit": AuditSettings(folder=tmp_path / "worm")})

    url, shown = f"sqlite:///{tmp_path}/a.db", ""
    for _ in range(2):
        world = World(tmp_path, database_url=url)
        await world.start(configure=configure)
        assert world.service is not None
        assert await problem(world.service.database) == ""
        await anchored(folder, after=len(await folder.keys("system/checkpoint/")))
        shown = world.service.metrics.exposition().decode()
        await world.stop()
        if not (tmp_path / "older.db").exists():
            shutil.copy(tmp_path / "a.db", tmp_path / "older.db")
    assert 'countersign_sink_lag_seconds{sink="folder"}' in shown
    shutil.copy(tmp_path / "older.db", tmp_path / "a.db")
    world = World(tmp_path, database_url=url)
    await world.start(configure=configure)
    assert world.service is not None
    # Shorter than its anchors at first; as long, and another log, once what starting adds is in it. Both deny.
    found = await problem(world.service.database)
    assert "it was rolled back" in found or "it was forked" in found
    await world.stop()
