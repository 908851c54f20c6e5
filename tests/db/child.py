"""Programs that tests start and kill: each unit writes a row and a record, and is told when acknowledged."""

from __future__ import annotations

import asyncio
import resource
import sys
from itertools import count
from pathlib import Path

from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from manifests.keys import PrivateKey
from tests.audit.made import draft
from tests.db.opened import opened

ADD = text("INSERT INTO schedule_slots (job, slot, owner) VALUES ('job', :slot, 'me')")
WRITERS = 20


async def add(database: Database, number: int, note: str = "") -> None:
    def unit(tx: Tx) -> None:
        tx.run(ADD, slot=number)
        tx.stage("acme", draft(number, f"t{number % 3}", str(number), note))

    await database.write(unit)
    print(number, flush=True)


async def write(database: Database) -> None:
    """Until killed."""
    numbers = count()

    async def writer() -> None:
        while True:
            await add(database, next(numbers))

    await asyncio.gather(*(writer() for _ in range(WRITERS)))


async def fill(database: Database) -> None:
    """Into a limit on the size of files that is soon reached, and on when it is lifted."""
    await add(database, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    failed = 0
    for first in range(1, 100_000, WRITERS):
        jobs = (add(database, number, "x" * 20_000) for number in range(first, first + WRITERS))
        for answer in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(answer, BaseException):
                failed += 1
                print("failed", type(answer).__name__, flush=True)
        if failed > 3 * WRITERS:
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await add(database, 999_999)


async def main(name: str, url: str, pem: Path) -> None:
    async with opened(url, LogSequencer([PrivateKey.from_pem(pem.read_bytes())])) as database:
        try:
            await {"write": write, "fill": fill}[name](database)
        except DatabaseUnavailableError as error:
            sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
