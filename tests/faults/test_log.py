"""Whatever dies or fails while records are added: what was acknowledged is there, and the log is one."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db.connect import migrate
from app.db.tx import Tx
from manifests.record import parse
from tests.audit.made import AT, KEY, draft, stage, verified
from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url
from tests.faults.log_child import STEPS, at, forked

__all__ = ["database_url", "new_postgres", "new_url", "postgres_server", "postgres_url"]

BODIES = text("SELECT body FROM records WHERE log = 'acme' ORDER BY seq")
KILLS = [("before", "hold", 3), *(("after", name, 3) for name in STEPS), ("before", "answer", 1)]
LAST = 10**9


def recorded(tx: Tx) -> list[int]:
    return [parse(bytes(row.body)).ts - AT for row in tx.all(BODIES)]


async def left(url: str) -> list[int]:
    """The numbers in the log, which goes on and verifies."""
    database = at(url, LogSequencer([KEY]))
    found = await database.read(recorded)
    await stage(database, "acme", [draft(LAST, "t0")])
    await database.close()
    report = await verified(url)
    assert report.findings == ()
    assert report.records == len(found) + 1
    return found


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: "-".join(map(str, kill)))
def test_a_kill_between_any_two_steps_loses_nothing_acknowledged(database_url: str, kill: tuple[str, str, int]) -> None:
    asyncio.run(migrate(database_url))
    told = forked(database_url, kill)
    found = asyncio.run(left(database_url))
    assert set(told) <= set(found)
    assert len(set(found)) == len(found)
    assert kill[2] == 1 or told, "it died later than at its first records"


def test_a_replica_that_dies_with_the_log_in_its_hands_lets_go_of_it(postgres_url: str) -> None:
    async def both() -> None:
        dying = asyncio.to_thread(forked, postgres_url, ("after", "add", 5))
        database = at(postgres_url, LogSequencer([KEY]))
        for number in range(LAST + 1, LAST + 30):
            await stage(database, "acme", [draft(number, "t1")])
        await dying
        await stage(database, "acme", [draft(LAST + 30, "t1")])
        await database.close()

    asyncio.run(migrate(postgres_url))
    asyncio.run(both())
    assert {*range(LAST + 1, LAST + 31)} <= set(asyncio.run(left(postgres_url)))


strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def traced(folder: Path, inject: str) -> tuple[int, list[int], list[int]]:
    """How a process under strace ended, and the numbers it told of as acknowledged and as failed."""
    pem = folder / "key.pem"
    pem.write_bytes(KEY.to_pem())
    # A signal is only delivered where every system call stops.
    fast = [] if "signal" in inject else ["--seccomp-bpf"]
    command = ["strace", "-f", *fast, "-qq", "-o", str(folder / "trace"), "-e", "trace=fdatasync,pwrite64"]
    child = [sys.executable, "-m", "tests.faults.log_child", f"sqlite:///{folder}/log.db", str(pem)]
    done = subprocess.run([*command, "-e", f"inject={inject}", *child], stdout=subprocess.PIPE, text=True)
    assert "INJECTED" in (folder / "trace").read_text() or done.returncode == -signal.SIGKILL
    lines = done.stdout.split("\n")[:-1]
    told = [int(line) for line in lines if line.isdigit()]
    return done.returncode, told, [int(line.split()[1]) for line in lines if line.startswith("failed")]


@strace
@pytest.mark.parametrize(("call", "errno"), [("fdatasync", "EIO"), ("fdatasync", "ENOSPC"), ("pwrite64", "ENOSPC")])
def test_a_disk_that_fails_a_commit_fails_its_callers_and_keeps_nothing_of_it(
    tmp_path: Path, call: str, errno: str
) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    asyncio.run(migrate(url))
    code, told, failed = traced(tmp_path, f"{call}:error={errno}:when=20")
    assert code == 0, "the process goes on with another connection"
    assert failed
    found = asyncio.run(left(url))
    assert found.count(LAST) == 0
    assert sorted(told) == sorted(found), "what failed is not there, what was acknowledged is"
    assert {*told, *failed} == set(range(300))


@strace
@pytest.mark.parametrize("inject", ["fdatasync:signal=SIGKILL:when=9", "pwrite64:signal=SIGKILL:when=30"])
def test_a_kill_inside_a_commit_loses_nothing_acknowledged(tmp_path: Path, inject: str) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    asyncio.run(migrate(url))
    code, told, failed = traced(tmp_path, inject)
    assert (code, failed) == (-signal.SIGKILL, [])
    assert told
    assert set(told) <= set(asyncio.run(left(url)))


FRAME = 24 + 4096
"""A frame of SQLite's WAL: its header and one page."""


def test_a_torn_tail_of_the_write_ahead_log_leaves_whole_commits(tmp_path: Path) -> None:
    """As a disk may leave it that lost the end of a write; whoever was answered had a disk that did not."""
    whole = tmp_path / "whole.db"
    asyncio.run(migrate(f"sqlite:///{whole}"))
    sizes = asyncio.run(_three_commits(whole, tmp_path / "torn"))
    wal = (tmp_path / "torn" / "log.db-wal").read_bytes()
    assert (len(wal) - 32) % FRAME == 0
    for lost in (0, 1, 100, 4095, 4096, 4097, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME):
        case = tmp_path / str(lost)
        shutil.copytree(tmp_path / "torn", case)
        os.truncate(case / "log.db-wal", len(wal) - lost)
        found = asyncio.run(left(f"sqlite:///{case}/log.db"))
        assert len(found) == (sizes[-1] if lost == 0 else sizes[-2])


async def _three_commits(path: Path, copied: Path) -> list[int]:
    """Sizes of the log after each; the files as they were while open go to ``copied``."""
    database = at(f"sqlite:///{path}", LogSequencer([KEY]))
    for first in (0, 10, 30):
        await stage(database, "acme", [draft(number, "t") for number in range(first, first * 2 + 10)])
    copied.mkdir()
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", f"{copied}/log.db{end}")
    await database.close()
    return [10, 30, 70]
