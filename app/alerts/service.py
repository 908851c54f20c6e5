"""Tell people of alarms: at once, once, and never instead of doing the work."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from cachetools import TTLCache

from app.clock import SECOND, Clock
from app.logging import redact_text
from integrations.alerts.port import AlertChannel
from integrations.errors import NeighbourError

REPEAT_S = 600
"""The same alarm is not sent again for so long."""

QUEUED = 100
TRIES = 5
FIRST_PAUSE_S = 1.0
SEND_S = 60.0
"""A place that takes longer is not waited for: the next alarm may be for another one."""

_log = structlog.get_logger()


class Alerts:
    """``name`` tells which Countersign speaks."""

    def __init__(
        self, channel: AlertChannel, name: str, clock: Clock, *, first_pause_s: float = FIRST_PAUSE_S,
        send_s: float = SEND_S,
    ) -> None:  # fmt: skip
        self._channel = channel
        self._name = name
        self._first_pause_s = first_pause_s
        self._send_s = send_s
        self._sent: TTLCache[tuple[str, str], bool] = TTLCache(1000, REPEAT_S, timer=lambda: clock() / SECOND)
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(QUEUED)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send what is queued, for a moment."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), 5)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def alarm(self, kind: str, text: str) -> None:
        """Take an alarm; answers at once. The same one within ten minutes is left out."""
        if (kind, text) in self._sent:
            return
        try:
            self._queue.put_nowait((kind, text))
        except asyncio.QueueFull:
            _log.error("alert.left_out", kind=kind, text=text)
        else:
            self._sent[kind, text] = True

    async def _run(self) -> None:
        while True:
            kind, text = await self._queue.get()
            try:
                await self._send(kind, text)
            except Exception as error:
                _log.error("alert.not_sent", kind=kind, text=text, error=str(error) or type(error).__name__)
            finally:
                self._queue.task_done()

    async def _send(self, kind: str, text: str) -> None:
        title = f"Countersign alarm: {kind}"
        body = redact_text(f"{text}\n\n{self._name}\nRunbooks: docs/runbooks/README.md")
        for left in reversed(range(TRIES)):
            try:
                async with asyncio.timeout(self._send_s):
                    return await self._channel.send(title, body)
            except (NeighbourError, TimeoutError):
                if not left:
                    raise
                await asyncio.sleep(self._first_pause_s * 2 ** (TRIES - 1 - left))
        return None
