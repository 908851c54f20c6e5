"""Verification over HTTP: how the logs stand, and a run at once."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
from aiohttp import web

from app.audit.access import may_read, unbound
from app.db.database import Database
from app.http.body import answer, decode
from app.http.route import Route
from app.tokens.model import Permission
from app.verification import store
from app.verification.ladder import Ladder
from app.verification.store import Verified

PATH = "/api/v1/audit/verifications"


class VerificationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    what: Literal["sample", "incremental", "full"] = "incremental"


class VerificationList(msgspec.Struct, frozen=True):
    logs: tuple[Verified, ...]


class VerificationViews:
    def __init__(self, ladder: Ladder, database: Database) -> None:
        self._ladder = ladder
        self._database = database
        self._running: set[asyncio.Task[object]] = set()

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET", path=PATH, handler=self.list, permission=Permission.AUDIT_READ,
                response=VerificationList, summary="How far each log was verified, and what was found",
            ),
            Route(
                method="POST", path=PATH, handler=self.start, permission=Permission.ADMIN, request=VerificationRequest,
                response=VerificationList, status=202, summary="Verify all logs now",
                description="It runs in the background; its result is a record audit.verified, and shows in the list.",
            ),
        )  # fmt: skip

    async def list(self, request: web.Request) -> web.Response:
        """Of the logs that the caller may read."""
        unbound(request)
        return answer(await self._listed(request))

    async def start(self, request: web.Request) -> web.Response:
        unbound(request)
        wanted = await decode(request, VerificationRequest)
        run = self._ladder.sample() if wanted.what == "sample" else self._ladder.verify(full=wanted.what == "full")
        task: asyncio.Task[object] = asyncio.create_task(run)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return answer(await self._listed(request), status=202)

    async def _listed(self, request: web.Request) -> VerificationList:
        known = await self._database.read(store.everything)
        return VerificationList(tuple(one for one in known if may_read(request, one.log)))

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
