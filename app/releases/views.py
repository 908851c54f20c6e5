"""Releases over HTTP, for tools."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from app.changes import store as changes
from app.db.database import Database
from app.db.tx import Tx
from app.decisions import store as decisions
from app.decisions.store import StoredDecision, StoredDeployment
from app.http.auth import caller_of
from app.http.body import query
from app.http.problem import Problem
from app.http.route import Route
from app.privacy.showing import shown
from app.releases import store
from app.releases.store import StoredRelease
from app.tokens.model import Permission
from gates.model import ChangeFacts


class PageQuery(msgspec.Struct, frozen=True):
    """``before`` and ``before_id`` are the ``updated_at`` and ``id`` of the last release of the page before."""

    before: int = 2**62
    before_id: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class ReleaseList(msgspec.Struct, frozen=True):
    releases: tuple[StoredRelease, ...]


class ReleaseDetail(msgspec.Struct, frozen=True):
    """One release with its change requests by environment, its latest decisions and its deployments."""

    release: StoredRelease
    changes: dict[str, ChangeFacts]
    decisions: tuple[StoredDecision, ...]
    deployments: tuple[StoredDeployment, ...]


class ReleaseViews:
    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> tuple[Route, ...]:
        read = Permission.RELEASE_READ
        return (
            Route(
                method="GET", path="/api/v1/releases", handler=self.list, permission=read, response=ReleaseList,
                query=PageQuery, summary="Releases, last changed first",
            ),
            Route(
                method="GET", path="/api/v1/releases/{id}", handler=self.one, permission=read, response=ReleaseDetail,
                summary="One release with its changes, decisions and deployments",
            ),
        )  # fmt: skip

    async def list(self, request: web.Request) -> web.Response:
        page, tenant = query(request, PageQuery), caller_of(request).tenant
        found = await self._database.read(lambda tx: store.page(tx, tenant, page.before, page.before_id, page.limit))
        return await shown(self._database, tenant, ReleaseList(found))

    async def one(self, request: web.Request) -> web.Response:
        tenant, identity = caller_of(request).tenant, request.match_info["id"]
        found = await self._database.read(lambda tx: _detail(tx, tenant, identity))
        if found is None:
            raise Problem(
                404, "release.unknown", "No such release", expected="the id of a release", found=identity[:64],
                remedy="See /api/v1/releases.",
            )  # fmt: skip
        return await shown(self._database, tenant, found)


def _detail(tx: Tx, tenant: str, identity: str) -> ReleaseDetail | None:
    release = store.one(tx, tenant, identity)
    if release is None:
        return None
    return ReleaseDetail(
        release,
        changes.facts(tx, identity),
        decisions.of_release(tx, tenant, identity),
        decisions.deployments(tx, tenant, identity),
    )
