"""Exports over HTTP: ask, look, download, remove."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import msgspec
from aiohttp import web

from app.audit.access import log_of, may_read, unbound
from app.clock import Clock
from app.exports.errors import ExportError, NotReadyError, TooManyExportsError, UnknownExportError
from app.exports.model import Ask, Format
from app.exports.service import Exports
from app.exports.store import Export
from app.http.auth import caller_of
from app.http.body import answer, decode
from app.http.problem import Problem
from app.http.route import Route
from app.search.asked import Asked, Text
from app.search.errors import QueryError
from app.tokens.model import Permission

PATH = "/api/v1/exports"
T = TypeVar("T")
_STATUS = {UnknownExportError: 404, NotReadyError: 409, TooManyExportsError: 429}


class ExportRequest(Asked, frozen=True, forbid_unknown_fields=True):
    """``log`` empty: the tenant's own. Of its records, all that is given must hold; without anything, all of them."""

    format: Format = "tiles"
    log: Text = ""


class ExportList(msgspec.Struct, frozen=True):
    exports: tuple[Export, ...]


class ExportViews:
    def __init__(self, exports: Exports, clock: Clock) -> None:
        self._exports = exports
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        read = Permission.AUDIT_READ
        return (
            Route(
                method="POST", path=PATH, handler=self.ask, permission=read, request=ExportRequest, response=Export,
                status=202, summary="Export a log, or the records that a query finds",
                description="Made in the background; ask for its state, then download it. It is kept for some days.",
            ),
            Route(
                method="GET", path=PATH, handler=self.list, permission=read, response=ExportList,
                summary="The tenant's exports, newest first",
            ),
            Route(
                method="GET", path=PATH + "/{id}", handler=self.one, permission=read, response=Export,
                summary="How far an export is",
            ),
            Route(
                method="GET", path=PATH + "/{id}/download", handler=self.download, permission=read,
                summary="The file: a .tar.gz to verify, JSON Lines or CSV",
                description="That it was taken is recorded in the log.",
            ),
            Route(
                method="DELETE", path=PATH + "/{id}", handler=self.remove, permission=read, status=204,
                summary="Remove an export, also one that is being made",
            ),
        )  # fmt: skip

    async def ask(self, request: web.Request) -> web.Response:
        caller = caller_of(request)
        wanted = await decode(request, ExportRequest)
        try:
            query = wanted.query(self._clock())
        except QueryError as error:
            raise Problem(
                400, error.code, "Malformed question", detail=str(error), remedy="Compare it with /api/v1/openapi.json."
            ) from None
        ask = Ask(log_of(request, wanted.log), wanted.format, query)
        made = await _told(self._exports.ask(caller.tenant, caller.actor, ask))
        return answer(made, 202, {"Location": f"{PATH}/{made.id}"})

    async def list(self, request: web.Request) -> web.Response:
        caller = unbound(request)
        found = await self._exports.of_tenant(caller.tenant)
        return answer(ExportList(tuple(one for one in found if may_read(request, one.ask.log))))

    async def one(self, request: web.Request) -> web.Response:
        return answer(await self._allowed(request))

    async def download(self, request: web.Request) -> web.StreamResponse:
        caller, found = caller_of(request), await self._allowed(request)
        export, path = await _told(self._exports.download(caller.tenant, found.id, caller.actor))
        name = f"{export.ask.log}-{export.id}{''.join(path.suffixes)}"
        return web.FileResponse(path, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    async def remove(self, request: web.Request) -> web.Response:
        found = await self._allowed(request)
        await _told(self._exports.remove(found.tenant, found.id))
        return web.Response(status=204)

    async def _allowed(self, request: web.Request) -> Export:
        """The export, of the tenant and of a log that the caller may read. Raises Problem."""
        found = await _told(self._exports.one(caller_of(request).tenant, request.match_info["id"]))
        log_of(request, found.ask.log)
        return found


async def _told(answered: Awaitable[T]) -> T:
    """Raises Problem for what exports refuse."""
    try:
        return await answered
    except ExportError as error:
        status = _STATUS.get(type(error), 409)
        headers = {"Retry-After": "60"} if status == 429 else {}
        raise Problem(
            status, error.code, "The export is refused", detail=str(error), remedy=f"See {PATH}.", headers=headers
        ) from None
