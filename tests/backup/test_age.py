"""A folder without a backup of the last day is told, whatever became of the one that should be there."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.backup.make import Made
from app.backup.model import DATABASE, MANIFEST
from app.backup.service import Backups
from app.db.database import Database
from app.metrics import Metrics
from app.settings.model import BackupSettings
from tests.backup.made import backed_up, fill, service
from tests.sinks.made import Clock


class Watched:
    """A service on a clock of ours, and what it counts; ``again`` is the same after a restart."""

    def __init__(self, database: Database, directory: Path | None, clock: Clock) -> None:
        self._made = (database, directory, clock)
        self.clock = clock
        self.metrics = Metrics()
        self.backups = Backups(
            BackupSettings(directory=directory), "unused", database, lambda: (), lambda manifest: b"", clock,
            self.metrics,
        )  # fmt: skip

    def again(self) -> Watched:
        return Watched(*self._made)

    async def after(self, hours: float) -> tuple[float, float]:
        """The age in whole hours and how often somebody was told, so much later."""
        self.clock.after(hours * 3600)
        await self.backups.watch()
        age = self.metrics.registry.get_sample_value("countersign_backup_age_seconds")
        alarms = self.metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "backup"})
        assert age is not None
        return (age // 3600 if math.isfinite(age) else age), alarms or 0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with service(f"sqlite:///{tmp_path}/a.db", tmp_path) as opened:
        yield opened


@pytest.fixture
async def made(tmp_path: Path) -> Made:
    await fill(f"sqlite:///{tmp_path}/source.db", tmp_path, count=1)
    return await backed_up(f"sqlite:///{tmp_path}/source.db", tmp_path)


async def test_an_old_one_is_told_once_a_day_and_after_a_restart(
    tmp_path: Path, database: Database, made: Made
) -> None:
    watched = Watched(database, made.folder.parent, Clock())
    assert await watched.after(26) == (26, 0)
    assert await watched.after(0.1) == (26, 1)
    assert await watched.after(23) == (49, 1)
    assert await watched.after(1) == (50, 2)
    assert await watched.again().after(0) == (50, 1)


async def test_a_newer_one_ends_it(tmp_path: Path, database: Database, made: Made) -> None:
    watched = Watched(database, made.folder.parent, Clock())
    assert (await watched.after(40))[1] == 1
    await backed_up(f"sqlite:///{tmp_path}/source.db", tmp_path, at=watched.clock())
    assert await watched.after(1) == (1, 1)
    assert (await watched.after(26))[1] == 2


@pytest.mark.parametrize("harm", ["no manifest", "torn", "removed", "unfinished"])
async def test_what_is_no_backup_counts_for_none(tmp_path: Path, database: Database, made: Made, harm: str) -> None:
    match harm:
        case "no manifest":
            (made.folder / MANIFEST).unlink()
        case "torn":
            (made.folder / DATABASE).write_bytes(b"half")
        case "removed":
            (made.folder / DATABASE).unlink()
        case "unfinished":
            made.folder.rename(made.folder.with_name(f".{made.folder.name}.part"))
    with capture_logs() as logged:
        assert await Watched(database, made.folder.parent, Clock()).after(0) == (math.inf, 1)
    assert [(one["event"], one["found"]) for one in logged] == [("backup.overdue", "none")]


async def test_a_folder_that_is_not_there_holds_none(tmp_path: Path, database: Database) -> None:
    assert await Watched(database, tmp_path / "nowhere", Clock()).after(0) == (math.inf, 1)


async def test_where_none_is_made_none_is_missed(database: Database) -> None:
    watched = Watched(database, None, Clock())
    age, alarms = await watched.after(1000)
    assert (math.isnan(age), alarms, list(watched.backups.jobs())) == (True, 0, ["backup-notices"])
