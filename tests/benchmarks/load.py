"""A load generator over raw sockets, as a process of its own: cheap enough not to be what is measured.

    python -m tests.benchmarks.load < job.json

One line of JSON in, one line out. With a rate, requests are due at fixed instants whether or not earlier ones
were answered, and each one's time counts from when it was due: a stall is felt by all who would have come.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import hmac
import sys
import time
from collections.abc import Callable, Iterator

import msgspec

from tests.benchmarks.child import running


class Job(msgspec.Struct, frozen=True):
    """``count`` requests over ``connections``; ``rate`` per second, 0 for as fast as answers come.

    ``head`` and ``body`` may hold ``{n}`` where each request's number goes, 12 digits; with ``secret`` the body
    is signed as GitHub does. ``first`` is the number of the first request.
    """

    port: int
    head: str
    body: str
    count: int
    connections: int = 64
    rate: float = 0.0
    secret: str = ""
    first: int = 0
    host: str = "127.0.0.1"


class Load(msgspec.Struct, frozen=True):
    """What came of a job: ``answered`` are the numbers of requests answered 2xx; times in milliseconds."""

    seconds: float
    per_second: float
    ok: int
    refused: int
    broken: int
    p50: float
    p99: float
    worst: float
    answered: tuple[int, ...]


async def load(job: Job, patience_s: float = 300) -> Load:
    """Run a job in a process of its own."""
    async with running("tests.benchmarks.load") as child:
        await child.write(job)
        return await child.read(Load, patience_s)


class _Requests:
    """Makes requests by number. The hash over what is common to all bodies is taken once."""

    def __init__(self, job: Job) -> None:
        before, self._numbered, after = job.body.encode().partition(b"{n}")
        self._before, self._after = before, after
        self._head = job.head.replace("{length}", str(len(before) + 4 * len(self._numbered) + len(after)))
        self._mac = hmac.new(job.secret.encode(), before, hashlib.sha256) if job.secret else None

    def __call__(self, number: int) -> bytes:
        digits = f"{number:012d}"
        tail = digits.encode() + self._after if self._numbered else b""
        head = self._head.replace("{n}", digits)
        if self._mac is not None:
            mac = self._mac.copy()
            mac.update(tail)
            head += f"X-Hub-Signature-256: sha256={mac.hexdigest()}\r\n"
        return head.encode() + b"\r\n" + self._before + tail


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self, free: Callable[[_Connection], None], done: Callable[[int, float, int], None]) -> None:
        self._free = free
        self._done = done
        self._transport: asyncio.Transport | None = None
        self._number = -1
        self._due = 0.0
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, number: int, due: float, request: bytes) -> None:
        assert self._transport is not None
        self._number, self._due = number, due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._got[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
        if len(self._got) < end + 4 + length:
            return
        status = int(head[9:12])
        self._got = self._got[end + 4 + length :]
        number, self._number = self._number, -1
        self._done(number, self._due, status)
        self._free(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self._number >= 0:
            self._done(self._number, self._due, 0)
            self._number = -1


class _Run:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._make = _Requests(job)
        self._waiting: collections.deque[tuple[int, float]] = collections.deque()
        self._idle: list[_Connection] = []
        self._times: list[float] = []
        self._answered: list[int] = []
        self._refused = self._broken = 0
        self._next: Iterator[int] = iter(range(job.first, job.first + job.count))
        self._over = asyncio.Event()

    async def __call__(self) -> Load:
        loop = asyncio.get_running_loop()
        for _ in range(self._job.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(self._freed, self._done), self._job.host, self._job.port
            )
            self._idle.append(connection)
        started = time.perf_counter()
        if self._job.rate:
            await self._steadily(started)
        else:
            while self._idle and (number := next(self._next, None)) is not None:
                self._idle.pop().send(number, time.perf_counter(), self._make(number))
        await self._over.wait()
        return self._summary(time.perf_counter() - started)

    async def _steadily(self, started: float) -> None:
        for nth, number in enumerate(self._next):
            due = started + nth / self._job.rate
            while (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            if self._idle:
                self._idle.pop().send(number, due, self._make(number))
            else:
                self._waiting.append((number, due))

    def _freed(self, connection: _Connection) -> None:
        if self._job.rate:
            if self._waiting:
                number, due = self._waiting.popleft()
                connection.send(number, due, self._make(number))
            else:
                self._idle.append(connection)
        elif (following := next(self._next, None)) is not None:
            connection.send(following, time.perf_counter(), self._make(following))

    def _done(self, number: int, due: float, status: int) -> None:
        self._times.append(time.perf_counter() - due)
        if 200 <= status < 300:
            self._answered.append(number)
        elif status:
            self._refused += 1
        else:
            self._broken += 1
        # A connection that broke sends no more, so when all have broken what is left was never sent.
        if len(self._times) == self._job.count or self._broken == self._job.connections:
            self._over.set()

    def _summary(self, seconds: float) -> Load:
        times = sorted(self._times)
        ok = len(self._answered)
        return Load(
            seconds, ok / seconds, ok, self._refused, self._broken, _at(times, 0.5), _at(times, 0.99),
            _at(times, 1.0), tuple(self._answered),
        )  # fmt: skip


def _at(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, int(part * len(times)))] * 1000 if times else 0.0


def post(path: str, *headers: str) -> str:
    """The head of a POST, to be completed with the length and, if signed, the signature."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "Content-Length: {length}", ""])


async def _main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    sys.stdout.write(msgspec.json.encode(await _Run(job)()).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
