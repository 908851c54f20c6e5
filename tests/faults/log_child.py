"""A process that adds records to a log and tells of each that was acknowledged, until it dies.

Forked from a test, which is cheap, or run by itself under strace: ``python -m tests.faults.log_child <url> <pem>``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from app.audit import append, heads, sequence
from app.audit.append import Appender
from app.audit.sequence import LogSequencer
from app.db.connect import driver_url, sqlite_path
from app.db.database import Database, DatabaseUnavailableError
from app.db.postgres import PostgresDatabase
from app.db.sqlite import SqliteDatabase
from app.metrics import Metrics
from manifests.keys import PrivateKey
from tests.audit.made import KEY, draft

CALLERS = 6
STEPS: dict[str, tuple[Any, str]] = {
    "hold": (heads, "hold"),
    "traces": (heads, "traces"),
    "place": (sequence, "_placed"),
    "sign": (LogSequencer, "_checkpoint"),
    "add": (sequence, "add"),
    "answer": (append, "_answer"),
}
"""What an append does, in its order. COMMIT stands between ``add`` and ``answer``."""


def die_at(side: str, name: str, number: int) -> None:
    """Before or after the step's ``number``-th time."""
    holder, attribute = STEPS[name]
    inner: Callable[..., Any] = getattr(holder, attribute)
    times = count(1)

    def step(*arguments: Any) -> Any:
        last = next(times) == number
        if last and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = inner(*arguments)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(holder, attribute, step)


def forked(url: str, kill: tuple[str, str, int]) -> list[int]:
    """The numbers that a process told of before it died where it was to die."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            die_at(*kill)
            asyncio.run(main(url, KEY, lambda line: os.write(writing, line.encode())))
        finally:
            os._exit(1)
    os.close(writing)
    with open(reading, encoding="ascii") as lines:
        told = [int(line) for line in lines if line.endswith("\n") and line.strip().isdigit()]
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    return told


def at(url: str, sequencer: LogSequencer) -> Database:
    """A database that was migrated before."""
    path = sqlite_path(url)
    return SqliteDatabase(path, sequencer) if path is not None else PostgresDatabase(driver_url(url), sequencer)


async def main(url: str, key: PrivateKey, tell: Callable[[str], object], most: int = 1_000_000) -> None:
    sequencer = LogSequencer([key])
    database = at(url, sequencer)
    appender = Appender(database, sequencer, Metrics())
    numbers = iter(range(most))

    async def caller() -> None:
        for number in numbers:
            try:
                await appender.append("acme", [draft(number, f"t{number % 3}", str(number))])
            except DatabaseUnavailableError:
                tell(f"failed {number}\n")
            else:
                tell(f"{number}\n")

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    await database.close()


if __name__ == "__main__":
    pem = PrivateKey.from_pem(Path(sys.argv[2]).read_bytes())
    asyncio.run(main(sys.argv[1], pem, lambda line: os.write(1, line.encode()), most=300))
