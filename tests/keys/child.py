"""A rotation that is killed at a step: ``python -m tests.keys.child <database> <folder> <step>``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

from app.keys import durable
from app.keys.keeper import Keeper
from tests.keys.kills import CountedDatabase, CountedOs, Steps
from tests.keys.made import Clock, opened, settings_for


async def main(url: str, folder: Path, at: int) -> None:
    clock = Clock()
    async with opened(settings_for(url, folder), clock) as service:
        steps = Steps(at, lambda: os.kill(os.getpid(), signal.SIGKILL))
        cast(Any, durable).os = CountedOs(steps)
        keeper = Keeper(
            cast(Any, CountedDatabase(service.database, steps)), service.ring, settings_for(url, folder).keys, clock
        )
        print(service.ring.log.public.to_openssh(), flush=True)
        await keeper.rotate("log", "token:1")
    raise AssertionError("expected to be killed, found the rotation done")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
