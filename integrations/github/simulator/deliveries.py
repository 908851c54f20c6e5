"""Webhook deliveries: signed, logged, sent by workers, and steered into trouble.

As at GitHub: ten seconds to answer 2xx, no automatic retry, a redelivery keeps its guid.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import hashlib
import hmac
from collections.abc import Callable

import aiohttp

from integrations.github.simulator.model import Delivery

TIMEOUT_S = 10.0
LOG_KEPT = 10_000


@dataclasses.dataclass
class Fate:
    """What happens to one delivery. ``lost``: never arrives; ``logged`` False: GitHub knows nothing of it."""

    lost: bool = False
    logged: bool = True
    copies: int = 1
    delay_s: float = 0.0


class Deliverer:
    """Sends deliveries in order with one worker, in any order with more."""

    def __init__(self, clock: Callable[[], int], new_id: Callable[[], int], workers: int) -> None:
        self.log: collections.deque[Delivery] = collections.deque(maxlen=LOG_KEPT)
        self._clock = clock
        self._new_id = new_id
        self._fates: collections.deque[Fate] = collections.deque()
        self._held: list[Delivery] = []
        self._hold = 0
        self._queue: asyncio.Queue[tuple[Delivery, Fate]] = asyncio.Queue()
        self._workers = workers
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._open = asyncio.Event()
        self._open.set()

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar()
        )
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._workers)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def steer(self, fate: Fate, count: int = 1) -> None:
        """The next ``count`` deliveries meet this fate."""
        self._fates.extend([fate] * count)

    def reorder_next(self, count: int) -> None:
        """Holds the next ``count`` deliveries back and sends them in the opposite order."""
        self._hold = count

    def pause(self) -> None:
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    async def settle(self) -> None:
        """Until everything that was emitted has been answered or given up."""
        await self._queue.join()

    def add(self, delivery: Delivery) -> None:
        if self._hold:
            self._held.append(delivery)
            if len(self._held) == self._hold:
                held, self._held, self._hold = self._held, [], 0
                for one in reversed(held):
                    self._enqueue(one)
            return
        self._enqueue(delivery)

    def redeliver(self, original: Delivery) -> Delivery:
        again = dataclasses.replace(original, id=self._new_id(), redelivery=True, status="pending", status_code=0)
        self._enqueue(again)
        return again

    def _enqueue(self, delivery: Delivery) -> None:
        fate = self._fates.popleft() if self._fates else Fate()
        if fate.logged:
            self.log.append(delivery)
        self._queue.put_nowait((delivery, fate))

    async def _work(self) -> None:
        while True:
            delivery, fate = await self._queue.get()
            try:
                await self._open.wait()
                if fate.delay_s:
                    await asyncio.sleep(fate.delay_s)
                for _ in range(fate.copies):
                    await self._send(delivery, fate)
            finally:
                self._queue.task_done()

    async def _send(self, delivery: Delivery, fate: Fate) -> None:
        delivery.delivered_at = started = self._clock()
        if fate.lost or delivery.app.webhook_url is None:
            delivery.status, delivery.status_code = "failed to connect to host", 0
            return
        assert self._session is not None
        try:
            async with self._session.post(
                delivery.app.webhook_url, data=delivery.body, headers=_headers(delivery)
            ) as answer:
                await answer.read()
                delivery.status_code = answer.status
                delivery.status = "OK" if answer.ok else (answer.reason or "Invalid HTTP Response")
        except TimeoutError:
            delivery.status, delivery.status_code = "timed out", 504
        except aiohttp.ClientError:
            delivery.status, delivery.status_code = "failed to connect to host", 502
        delivery.duration_s = (self._clock() - started) / 1_000_000


def _headers(delivery: Delivery) -> dict[str, str]:
    signature = hmac.digest(delivery.app.secret, delivery.body, hashlib.sha256).hex()
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/5117b0d",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": "1",
        "X-GitHub-Hook-Installation-Target-ID": str(delivery.app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
