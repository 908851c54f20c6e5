"""What was acknowledged is there after a kill, after a full disk, and nothing half of it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db.tx import Tx
from manifests.record import parse
from tests.audit.made import KEY, draft, stage, verified
from tests.db.opened import opened

NUMBERS = text("SELECT body FROM records WHERE log = 'acme' ORDER BY seq")
SLOTS = text("SELECT slot FROM schedule_slots ORDER BY slot")


def start(name: str, tmp_path: Path) -> subprocess.Popen[str]:
    """One of the programs in tests/db/child.py, on the database in this folder."""
    pem = tmp_path / "key.pem"
    pem.write_bytes(KEY.to_pem())
    command = [sys.executable, "-m", "tests.db.child", name, f"sqlite:///{tmp_path}/log.db", str(pem)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def recorded(tx: Tx) -> list[int]:
    return [int(parse(bytes(row.body)).resource) for row in tx.all(NUMBERS)]


def slots(tx: Tx) -> list[int]:
    return [row.slot for row in tx.all(SLOTS)]


async def left_over(tmp_path: Path) -> tuple[list[int], list[int]]:
    """Numbers in the log and in the table that each unit wrote to as well."""
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, LogSequencer([KEY])) as database:
        found = await database.read(recorded), await database.read(slots)
        await stage(database, "acme", [draft(0, resource="1000000")])
    assert (await verified(url)).findings == ()
    return found


@pytest.mark.parametrize("acknowledged", [1, 40, 400])
async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, acknowledged: int) -> None:
    with start("write", tmp_path) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(acknowledged)]
        os.kill(child.pid, signal.SIGKILL)
        told += [int(line) for line in child.stdout if line.endswith("\n")]
    in_log, in_table = await left_over(tmp_path)
    assert set(told) <= set(in_log)
    assert sorted(in_log) == in_table
    assert len(set(in_log)) == len(in_log)


async def test_a_full_disk_fails_writers_loses_nothing_and_passes(tmp_path: Path) -> None:
    with start("fill", tmp_path) as child:
        assert child.stdout is not None
        lines = child.stdout.read().split("\n")
    assert child.returncode == 0
    told = [int(line) for line in lines if line.isdigit()]
    failed = [line for line in lines if line.startswith("failed")]
    assert failed
    assert set(failed) == {"failed DatabaseUnavailableError"}
    assert told[-1] == 999_999, "the service goes on once there is space"
    in_log, in_table = await left_over(tmp_path)
    assert sorted(told) == sorted(in_log) == in_table
