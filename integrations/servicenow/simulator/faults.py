"""What can go wrong on the way: planned failures, rate limits, a sleeping instance."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from aiohttp import web

from integrations.servicenow.simulator.http import answer
from integrations.servicenow.simulator.settings import Settings

SLEEPING_PAGE = (
    "<!DOCTYPE html><html><head><title>Instance Hibernating</title></head>"
    "<body>Your instance is hibernating.</body></html>"
)


class Fault(msgspec.Struct):
    """``status`` 0 breaks the connection instead of answering; ``commit_first`` lets the request act."""

    method: str
    path: str
    status: int
    body: str = ""
    headers: dict[str, str] = {}
    commit_first: bool = False
    times: int = 1

    def matches(self, request: web.Request) -> bool:
        named = self.method in ("*", request.method)
        return self.times > 0 and named and re.search(self.path, request.path) is not None

    def answer(self, request: web.Request) -> web.Response:
        if self.status == 0:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        kind = {"Content-Type": "application/json;charset=UTF-8"}
        return web.Response(text=self.body, status=self.status, headers={**kind, **self.headers})


class Faults:
    """Planned failures in the order in which they were planned."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        self._planned.append(fault)

    def clear(self) -> None:
        self._planned.clear()

    def take(self, request: web.Request) -> Fault | None:
        for fault in self._planned:
            if fault.matches(request):
                fault.times -= 1
                return fault
        return None


class RateLimit:
    """Counts requests of a user in a window; the headers are on every answer, not only on a refusal."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._clock = clock
        self._window = 0
        self._count = 0

    def count(self) -> web.Response | None:
        limit = self._settings.rate_limit
        if limit is None:
            return None
        window = self._seconds() // self._settings.rate_window_s
        self._count = self._count + 1 if window == self._window else 1
        self._window = window
        if self._count <= limit:
            return None
        detail = f"Rate limit of {limit} requests per hour for Table API exceeded"
        body = {"error": {"message": "Rate limit exceeded", "detail": detail}, "status": "failure"}
        return answer(body, 429, {"Retry-After": str(self._reset() - self._seconds()), **self.headers()})

    def headers(self) -> dict[str, str]:
        if self._settings.rate_limit is None:
            return {}
        return {
            "X-RateLimit-Limit": str(self._settings.rate_limit),
            "X-RateLimit-Reset": str(self._reset()),
            "X-RateLimit-Rule": "Table API per user",
        }

    def _reset(self) -> int:
        return (self._window + 1) * self._settings.rate_window_s

    def _seconds(self) -> int:
        return self._clock() // 1_000_000
