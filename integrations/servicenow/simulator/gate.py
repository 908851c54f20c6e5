"""What every API request passes: latency, sleep, rate limit, identity, planned failures, common headers."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from integrations.servicenow.answers import SIMULATOR_HEADER
from integrations.servicenow.simulator.answers import Refusal, not_authenticated, unknown_resource
from integrations.servicenow.simulator.faults import SLEEPING_PAGE, Faults, RateLimit
from integrations.servicenow.simulator.http import CALLER, refuse
from integrations.servicenow.simulator.instance import Instance
from integrations.servicenow.simulator.oauth_api import SESSION_COOKIE

_OPEN = ("/_sim/", "/nav/")
_MARK = {SIMULATOR_HEADER: "1"}
_CACHE = {"Pragma": "no-store,no-cache", "Cache-Control": "no-cache,no-store,must-revalidate,max-age=-1"}


class Seen(msgspec.Struct, frozen=True):
    """A request as it came; ``query`` undecoded."""

    method: str
    path: str
    query: str
    user_name: str
    cookie: str


class Gate:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.faults = Faults()
        self.limit = RateLimit(instance.settings, instance.clock)
        self.seen: list[Seen] = []

    def middleware(self) -> Middleware:
        @web.middleware
        async def pass_gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(_OPEN):
                return await handler(request)
            return await self._pass(request, handler)

        return pass_gate

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        settings = self._instance.settings
        if settings.latency_s:
            await asyncio.sleep(settings.latency_s)
        if settings.hibernating:
            self._note(request, "")
            return web.Response(text=SLEEPING_PAGE, content_type="text/html", headers=_MARK)
        answer = await self._answer(request, handler)
        answer.headers.update(_MARK)
        answer.headers.update(_CACHE)
        answer.headers["X-Transaction-ID"] = f"{len(self.seen):012x}"
        answer.headers.update(self.limit.headers())
        return answer

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        limited = self.limit.count()
        fault = self.faults.take(request) if limited is None else None
        if limited is not None or (fault is not None and not fault.commit_first):
            self._note(request, "")
        if limited is not None:
            return limited
        if fault is not None and not fault.commit_first:
            return fault.answer(request)
        answer = await self._serve(request, handler)
        return answer if fault is None else fault.answer(request)

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        people = self._instance.people
        cookie = request.cookies.get(SESSION_COOKIE, "")
        if request.path == "/oauth_token.do":
            self._note(request, "")
            return await handler(request)
        caller = people.authenticate(request.headers.get("Authorization", ""), cookie)
        self._note(request, "" if caller is None else caller.user_name)
        if caller is None:
            return refuse(not_authenticated())
        request[CALLER] = caller
        try:
            answer = await handler(request)
        except Refusal as refusal:
            answer = refuse(refusal)
        except web.HTTPNotFound:
            answer = refuse(unknown_resource(request.path))
        except web.HTTPMethodNotAllowed:
            answer = refuse(Refusal(405, "Method not supported"))
        if not people.knows_session(cookie):
            answer.set_cookie(SESSION_COOKIE, people.open_session(caller), httponly=True)
        answer.headers["X-Is-Logged-In"] = "true"
        return answer

    def _note(self, request: web.Request, user_name: str) -> None:
        cookie = request.headers.get("Cookie", "")
        self.seen.append(Seen(request.method, request.path, request.query_string, user_name, cookie))
