"""Work that the instance does a little after a write: asking for approvals, moving on after they are given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from integrations.servicenow.simulator.settings import Settings


class Flows:
    """Runs deferred work on the event loop after ``approval_delay_s``, or by hand."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: list[Callable[[], None]] = []
        self._timers: set[asyncio.TimerHandle] = set()

    def later(self, work: Callable[[], None]) -> None:
        self._waiting.append(work)
        delay = self._settings.approval_delay_s
        if delay is None:
            return
        loop = asyncio.get_running_loop()
        self._timers = {timer for timer in self._timers if timer.when() > loop.time()}
        self._timers.add(loop.call_later(delay, self._one, work))

    def run(self) -> None:
        """Does all waiting work now, and what that work leaves behind."""
        while self._waiting:
            self._one(self._waiting[0])

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._waiting.clear()

    def _one(self, work: Callable[[], None]) -> None:
        if work in self._waiting:
            self._waiting.remove(work)
            work()
