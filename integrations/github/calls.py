"""When to repeat a call to GitHub, when to wait, and when to give up.

Reads are repeated on 5xx, time-outs and broken connections. A write is repeated only when GitHub refused it
(401 with a stale token, 403 or 429 rate limit) or when nothing was sent: anything else is in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from integrations.errors import NeighbourError, RateLimitedError, UnavailableError
from integrations.github.answers import lost, refusal, unreadable
from integrations.github.auth import SECOND, Clock, Credentials
from integrations.github.transport import Answer, LostAnswerError, Request, Transport
from integrations.observing import Observe, observed

T = TypeVar("T")
BACKOFF_S = (0.1, 0.4)
ATTEMPTS = len(BACKOFF_S) + 1
NEIGHBOUR = "github"


class Pacing(msgspec.Struct, frozen=True):
    """Seconds: between two writes of one installation, a wait worth sitting out, a queue worth joining."""

    write_gap_s: float = 1.0
    patience_s: float = 3.0
    queue_s: float = 60.0


UNPACED = Pacing(write_gap_s=0.0)


class Lane:
    """One identity at GitHub: its credentials, its next free slot for a write, the end of its rate limit."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.next_write = 0.0
        self.closed_until = 0


class Caller:
    """Sends requests on lanes. Raises integrations.errors.NeighbourError and nothing else."""

    def __init__(self, transport: Transport, clock: Clock, pacing: Pacing, observe: Observe | None = None) -> None:
        self._transport = transport
        self._clock = clock
        self._pacing = pacing
        self._observe = observe

    async def fetch(self, lane: Lane, request: Request, read: Callable[[bytes], T]) -> tuple[T, Answer]:
        """What ``read`` makes of the body (it may raise MsgspecError or ValueError), and the answer."""
        failures = 0
        while True:
            await self._admit(lane, request)
            header = await lane.credentials.header()
            try:
                with observed(self._observe, NEIGHBOUR, self._clock):
                    return await self._attempt(lane, request, read, header)
            except RateLimitedError as error:
                wait = error.retry_after or 1.0
                lane.closed_until = max(lane.closed_until, self._clock() + round(wait * SECOND))
                if failures + 1 >= ATTEMPTS or wait > self._pacing.patience_s:
                    raise
            except UnavailableError:
                if failures + 1 >= ATTEMPTS:
                    raise
                await self._transport.sleep(BACKOFF_S[failures])
            failures += 1

    async def _attempt(self, lane: Lane, request: Request, read: Callable[[bytes], T], header: str) -> tuple[T, Answer]:
        answer = await self._send(request, header)
        if answer.status == 401 and lane.credentials.reject(header):
            answer = await self._send(request, await lane.credentials.header())
        if not 200 <= answer.status < 300:
            raise refusal(request, answer, self._clock() / SECOND)
        problem: NeighbourError
        try:
            return read(answer.body), answer
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            problem = unreadable(request, answer, type(error).__name__)
        raise problem

    async def _send(self, request: Request, header: str) -> Answer:
        try:
            return await self._transport.send(request, header)
        except LostAnswerError as error:
            reason = str(error)
        raise lost(request, reason)

    async def _admit(self, lane: Lane, request: Request) -> None:
        """Sits out a short rate limit, fails at once on a long one: calling on may get the App banned."""
        closed = (lane.closed_until - self._clock()) / SECOND
        if closed > self._pacing.patience_s:
            raise RateLimitedError(
                f"{request.what}: not sent, GitHub limits this installation for {closed:.0f} s more",
                retry_after=closed,
            )
        if closed > 0:
            await self._transport.sleep(closed)
        if not request.repeatable and self._pacing.write_gap_s:
            await self._queue(lane, request)

    async def _queue(self, lane: Lane, request: Request) -> None:
        now = asyncio.get_running_loop().time()
        slot = max(now, lane.next_write)
        wait = slot - now
        if wait > self._pacing.queue_s:
            raise RateLimitedError(
                f"{request.what}: not sent, {wait:.0f} s of writes are waiting already", retry_after=wait
            )
        lane.next_write = slot + self._pacing.write_gap_s
        if wait > 0:
            await self._transport.sleep(wait)
