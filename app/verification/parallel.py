"""Examine one SQLite log in several processes: hashing a million small records keeps one busy for seconds."""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec

from app.verification.examine import Stretch, examine
from app.verification.source import open_read_only, rows_between

RECORDS_PER_TASK = 16_384


def examine_in_processes(path: Path, log: str, size: int, processes: int, *, thorough: bool) -> Iterator[Stretch]:
    """The stretches of the first ``size`` records in order, a few tasks ahead of the caller."""
    # A fork starts at once, but copies locks that other threads may hold.
    method = "fork" if threading.active_count() == 1 else "spawn"
    starts = iter(range(0, size, RECORDS_PER_TASK))
    with ProcessPoolExecutor(processes, multiprocessing.get_context(method)) as pool:
        running: deque[Future[Stretch]] = deque()
        while True:
            while len(running) < 3 * processes and (start := next(starts, None)) is not None:
                stop = min(size, start + RECORDS_PER_TASK)
                running.append(pool.submit(_examine_range, path, log, start, stop, thorough=thorough))
            if not running:
                return
            yield running.popleft().result()


def _examine_range(path: Path, log: str, start: int, stop: int, *, thorough: bool) -> Stretch:
    with closing(open_read_only(path)) as connection:
        stretch = examine(log, start, rows_between(connection, log, start, stop), thorough=thorough)
    if stretch.next_seq == stop:
        return stretch
    return msgspec.structs.replace(stretch, next_seq=stop, gaps=[*stretch.gaps, (stretch.next_seq, stop)])
