"""Examine one log in several processes, each with a connection of its own that sees the same.

Hashing a million small records keeps one processor busy for seconds. The processes take turns at blocks of records,
and hand back what they find in the order of the records.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from multiprocessing.connection import Connection

import msgspec

from app.db.database import DatabaseUnavailableError
from app.verification.envelope import Stretch
from app.verification.examine import examine
from app.verification.port import Source
from app.verification.source import open_source
from manifests.merkle import TILE_WIDTH

RECORDS_PER_BLOCK = 2048
"""At most; always whole tiles. What is looked at stays in the processor's cache."""

MANY_BLOCKS = 64
"""With fewer, this process takes its turn too: starting another one takes as long as a thousand records."""


class Task(msgspec.Struct, frozen=True):
    """Records ``first`` to ``stop``, not included, of a log as ``snapshot`` of the database shows it."""

    database: str
    snapshot: str
    log: str
    first: int
    stop: int
    thorough: bool

    def blocks(self, processes: int) -> Sequence[tuple[int, int]]:
        """First and stop of each block, all of which begin where tiles do; of few records every process gets one."""
        share = -(-(self.stop - self.first) // (processes * TILE_WIDTH)) * TILE_WIDTH
        step = max(TILE_WIDTH, share if share < 4 * RECORDS_PER_BLOCK else RECORDS_PER_BLOCK)
        begin = self.first - self.first % step
        starts = range(begin, self.stop, step)
        return [(max(self.first, start), min(self.stop, start + step)) for start in starts]


class WorkerFailedError(DatabaseUnavailableError):
    """A process that reads for verification ended without an answer; nothing was verified."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stretch).decode


async def examine_in_processes(task: Task, processes: int, source: Source) -> AsyncIterator[Stretch]:
    """The stretches of a task in order. ``source`` is this process's own. Raises WorkerFailedError."""
    # A fork starts at once, but copies locks that other threads may hold.
    alone = threading.active_count() == 1
    context = multiprocessing.get_context("fork") if alone else multiprocessing.get_context("spawn")
    blocks = task.blocks(processes)
    own = 1 if len(blocks) < MANY_BLOCKS else 0
    pipes: list[Connection] = []
    started = []
    try:
        for nth in range(own, min(processes, len(blocks))):
            mine, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, task, blocks[nth::processes]), daemon=True)
            process.start()
            theirs.close()
            started.append(process)
            pipes.append(mine)
        for nth, block in enumerate(blocks):
            turn = nth % processes - own
            yield _received(pipes[turn]) if turn >= 0 else await _examined(source, task, *block)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in started:
            process.terminate()
            # Whoever starts the next one clears away what is left of this one.
            process.join(0)


def _received(pipe: Connection) -> Stretch:
    try:
        data = pipe.recv_bytes()
    except (EOFError, OSError) as error:
        raise WorkerFailedError(
            "A process that verifies ended early. See its error above; verify with one process."
        ) from error
    return _decode(data)


def _work(pipe: Connection, task: Task, blocks: Sequence[tuple[int, int]]) -> None:
    # Nothing here makes circles, and looking for them among so many rows would take a fifth of the time.
    gc.disable()
    with closing(pipe):
        asyncio.run(_examine(pipe, task, blocks))


async def _examine(pipe: Connection, task: Task, blocks: Sequence[tuple[int, int]]) -> None:
    async with open_source(task.database, task.snapshot) as source:
        for block in blocks:
            pipe.send_bytes(_encode(await _examined(source, task, *block)))


async def _examined(source: Source, task: Task, first: int, stop: int) -> Stretch:
    rows = await source.records(task.log, first, stop)
    stretch = examine(task.log, first, rows, thorough=task.thorough, tiles=True)
    stretch.close(stop)
    return stretch
