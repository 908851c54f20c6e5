"""Other processes: what is measured and what loads it never share an interpreter."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
PATIENCE_S = 60


class ChildError(RuntimeError):
    """A child process ended, or said nothing, before it was ready."""


class Child:
    """A Python module running as a process of its own; its standard output is a line of JSON per message."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def read(self, kind: type[T], patience_s: float = PATIENCE_S) -> T:
        """The next message. Raises ChildError."""
        assert self._process.stdout is not None
        async with asyncio.timeout(patience_s):
            line = await self._process.stdout.readline()
        if not line:
            raise ChildError(f"process {self.pid} ended with {await self._process.wait()}")
        return msgspec.json.decode(line, type=kind)

    async def write(self, message: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(message) + b"\n")
        await self._process.stdin.drain()

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """As a power cut would, as far as the process can tell."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        try:
            async with asyncio.timeout(20):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def resident_mb(self) -> float:
        """What it holds in memory, in units of 2**20 bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def cpu_s(self) -> float:
        """Processor time used so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def start(module: str, *arguments: str, python: Sequence[str] = (sys.executable,)) -> Child:
    """Run ``python -m module arguments``."""
    return Child(
        await asyncio.create_subprocess_exec(
            *python, "-m", module, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=64 << 20,
        )
    )  # fmt: skip


@asynccontextmanager
async def running(module: str, *arguments: str) -> AsyncIterator[Child]:
    child = await start(module, *arguments)
    try:
        yield child
    finally:
        await child.stop()
