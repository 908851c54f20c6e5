"""For those who run it: alive, ready (or what is missing), and the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import structlog
from aiohttp import web

from app.http.auth import from_this_machine, identify
from app.http.body import answer
from app.http.context import METRICS, Check
from app.http.route import Route
from app.metrics import CONTENT_TYPE

CHECK_TIMEOUT_S = 5
KEPT_S = 1.0
"""Readiness is public, so asking often must not mean checking often."""

_log = structlog.get_logger(__name__)


class Alive(msgspec.Struct, frozen=True):
    status: str = "alive"


class Missing(msgspec.Struct, frozen=True):
    """One thing that is missing, with how to mend it."""

    name: str
    missing: str


class Readiness(msgspec.Struct, frozen=True):
    ready: bool
    missing: tuple[Missing, ...] = ()


class Probes:
    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._last: tuple[float, Readiness] | None = None
        self._asking = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET", path="/healthz", handler=self.alive, permission="public", response=Alive,
                summary="Is the process alive?",
            ),
            Route(
                method="GET", path="/readyz", handler=self.ready, permission="public", response=Readiness,
                summary="Can it serve? 503 says what is missing and how to mend it.",
            ),
            Route(
                method="GET", path="/metrics", handler=self.metrics, permission="own", listed=False,
                summary="Prometheus metrics, for this machine or with a token",
            ),
        )  # fmt: skip

    async def alive(self, _request: web.Request) -> web.Response:
        return answer(Alive())

    async def ready(self, _request: web.Request) -> web.Response:
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if self._last is None or now - self._last[0] >= KEPT_S:
                self._last = (now, await self._ask())
        return answer(self._last[1], 200 if self._last[1].ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        if not from_this_machine(request):
            await identify(request)
        return web.Response(body=request.app[METRICS].exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _ask(self) -> Readiness:
        found = await asyncio.gather(*(_run(name, check) for name, check in self._checks.items()))
        missing = tuple(item for item in found if item is not None)
        return Readiness(not missing, missing)


async def _run(name: str, check: Check) -> Missing | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            missing = await check()
    except TimeoutError:
        missing = f"no answer within {CHECK_TIMEOUT_S} s. Look at the service's log and at what it depends on."
    except Exception:
        _log.exception("readiness check failed", check=name)
        missing = "it could not be checked. The service's log says why."
    return None if missing is None else Missing(name, missing)
