"""The simulated GitHub as an HTTP server."""

from __future__ import annotations

import asyncio
import collections
import re
import time
import urllib.parse
from collections.abc import Callable

import msgspec
from aiohttp import web

from integrations.github.simulator.api import Api
from integrations.github.simulator.api_app import AppApi
from integrations.github.simulator.api_code import CodeApi
from integrations.github.simulator.api_lists import ListApi
from integrations.github.simulator.api_work import WorkApi
from integrations.github.simulator.deliveries import Fate
from integrations.github.simulator.faults import Fault, Faults
from integrations.github.simulator.others import OtherActions
from integrations.github.simulator.pages import Pages
from integrations.github.simulator.steering import Steering
from integrations.github.simulator.wire import Call, Reply

CALLS_KEPT = 10_000
BODY_LIMIT = 32 << 20


class Exchange(msgspec.Struct, frozen=True):
    """One API call as it was made and answered. ``path`` is encoded and without query."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_type: str
    answer: bytes


def system_clock() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class GitHubSimulator(OtherActions):
    """A stateful GitHub over real HTTP. Every steering method sends the webhooks that GitHub would.

    ``clock`` in microseconds since 1970 UTC; ``delivery_workers`` 1 delivers in order, more do not.
    ``recorder`` sees every API exchange.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int] = system_clock,
        seed: int = 1,
        delivery_workers: int = 1,
        recorder: Callable[[Exchange], None] | None = None,
    ) -> None:
        super().__init__(clock=clock, seed=seed, delivery_workers=delivery_workers)
        self.faults = Faults()
        self.calls: collections.deque[tuple[str, str, int]] = collections.deque(maxlen=CALLS_KEPT)
        self.in_flight = 0
        self.most_in_flight = 0
        self.base_url = ""
        self._recorder = recorder
        self._api = Api(self)
        AppApi(self._api)
        CodeApi(self._api)
        WorkApi(self._api)
        self.lists = ListApi(self._api)
        self._steering = Steering(self)
        self._pages = Pages(self)
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listens; gives the base address, for the API and for people."""
        await self.deliveries.start()
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=4096)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.base_url = self.render.base = f"http://{host}:{bound}"
        return self.base_url

    async def stop(self) -> None:
        await self.deliveries.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> GitHubSimulator:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def settle(self) -> None:
        """Until every delivery has been answered or given up."""
        await self.deliveries.settle()

    def fail_next(
        self,
        method: str,
        path_regex: str,
        status: int = 500,
        body: bytes = b'{"message":"Server Error"}',
        headers: dict[str, str] | None = None,
        *,
        commit_first: bool = False,
        drop: bool = False,
        hang_s: float = 0.0,
        times: int = 1,
    ) -> None:
        """The next matching calls (method ``*``: any) are answered so. See faults.Fault."""
        pattern = re.compile(path_regex)
        self.faults.add(Fault(method, pattern, status, body, headers or {}, commit_first, drop, hang_s, times))

    def limit_rate(
        self, times: int = 1, *, retry_after_s: int | None = None, status: int = 403, primary: bool = False
    ) -> None:
        """The next calls meet a rate limit: a secondary one, or the primary one with its reset header."""
        headers: dict[str, str] = {}
        if retry_after_s is not None and not primary:
            headers["retry-after"] = str(retry_after_s)
        if primary:
            reset = self.world.clock() // 1_000_000 + (retry_after_s or 60)
            headers |= {
                "x-ratelimit-limit": "5000",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": str(reset),
            }
        kind = "API rate limit exceeded" if primary else "You have exceeded a secondary rate limit"
        body = msgspec.json.encode({"message": kind, "documentation_url": "https://docs.github.com/"})
        self.fail_next("*", ".", status, body, headers, times=times)

    def lose_next(self, count: int = 1, *, logged: bool = True) -> None:
        """Deliveries that never arrive; with ``logged`` False GitHub itself knows nothing of them."""
        self.deliveries.steer(Fate(lost=True, logged=logged), count)

    def double_next(self, count: int = 1) -> None:
        self.deliveries.steer(Fate(copies=2), count)

    def delay_next(self, seconds: float, count: int = 1) -> None:
        self.deliveries.steer(Fate(delay_s=seconds), count)

    def reorder_next(self, count: int) -> None:
        self.deliveries.reorder_next(count)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, query = request.raw_path.partition("?")
        body = await request.read() if request.body_exists else b""
        if raw_path.startswith("/_sim/"):
            return _response(await self._steering.answer(request.method, raw_path, query, body))
        parameters = dict(urllib.parse.parse_qsl(query)) if query else {}
        call = Call(
            request.method,
            urllib.parse.unquote(raw_path),
            (),
            parameters,
            request.headers,
            body,
        )
        if request.method == "GET" and "Authorization" not in request.headers:
            page = self._pages.answer(raw_path)
            if page is not None:
                return _response(page)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply, drop = await self._faulty(call, raw_path)
        finally:
            self.in_flight -= 1
        self._note(request, raw_path, query, body, reply)
        if drop and request.transport is not None:
            request.transport.abort()
        return _response(reply)

    async def _faulty(self, call: Call, raw_path: str) -> tuple[Reply, bool]:
        if self.faults.latency_s:
            await asyncio.sleep(self.faults.latency_s)
        fault = self.faults.next(call.method, raw_path)
        if fault is None:
            return self._api.answer(call, raw_path), False
        if fault.commit_first:
            self._api.answer(call, raw_path)
        if fault.hang_s:
            await asyncio.sleep(fault.hang_s)
        html = fault.body.lstrip().startswith(b"<")
        kind = "text/html; charset=utf-8" if html else "application/json; charset=utf-8"
        return Reply(fault.status, None, dict(fault.headers), fault.body, kind), fault.drop

    def _note(self, request: web.BaseRequest, raw_path: str, query: str, body: bytes, reply: Reply) -> None:
        self.calls.append((request.method, raw_path, reply.status))
        if self._recorder is not None:
            headers = {name.lower(): value for name, value in request.headers.items()}
            exchange = Exchange(
                request.method,
                raw_path,
                query,
                headers,
                body,
                reply.status,
                reply.content_type,
                reply.encoded(),
            )
            self._recorder(exchange)


def _response(reply: Reply) -> web.Response:
    headers = {"x-github-media-type": "github.v3; format=json", **reply.headers}
    body = reply.encoded()
    if body or reply.raw is not None:
        headers["content-type"] = reply.content_type
    return web.Response(status=reply.status, body=body, headers=headers)
