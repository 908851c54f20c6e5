"""Whoever is killed, or runs out of space, in the middle leaves nothing half, and the next attempt goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.backup.make import backups
from tests.backup.made import backed_up, contents, fill, found, restored


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.backup.child", name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_a_backup_that_was_killed_leaves_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path)
    done = run("backup", url, str(tmp_path), "5")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert backups(tmp_path / "backups") == []
    made = await backed_up(url, tmp_path)
    assert [path for path in (tmp_path / "backups").iterdir() if path.name != ".lock"] == [made.folder]


async def test_a_restoration_that_was_killed_leaves_an_empty_target(database_url: str, tmp_path: Path) -> None:
    # Before the file is moved into place; when a table has been copied.
    nth = 5 if database_url.startswith("sqlite") else 3
    url = f"sqlite:///{tmp_path}/source.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    done = run("restore", database_url, str(tmp_path), str(nth), str(made.folder))
    assert done.returncode == -signal.SIGKILL, done.stderr
    await restored(database_url, tmp_path, made.folder)
    assert len((await contents(database_url, tmp_path))["blobs"]) == 20
    assert (await found(database_url, tmp_path)).findings == ()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".restoring")]


async def test_a_full_disk_leaves_no_half_backup(tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path}/a.db"
    await fill(database_url, tmp_path, count=400)
    done = run("full", database_url, str(tmp_path), "0")
    assert done.returncode == 3, done.stderr
    assert "expected to" in done.stderr
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [".lock"]
    await backed_up(database_url, tmp_path)


async def test_two_at_once_are_one(tmp_path: Path) -> None:
    from app.backup import files
    from app.backup.errors import BackupError

    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path, count=1)
    with files.only_one(tmp_path / "backups"), pytest.raises(BackupError, match="another backup at work"):
        await backed_up(url, tmp_path)
    assert os.listdir(tmp_path / "backups") == [".lock"]
