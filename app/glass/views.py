"""Broken glasses over HTTP: which were broken, and which wait to be reviewed."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from aiohttp import web

from app.clock import Clock
from app.db.database import Database
from app.glass import store
from app.glass.store import StoredGlass
from app.http.auth import caller_of
from app.http.body import answer, query
from app.http.route import Route
from app.tokens.model import Permission, Scope
from manifests.times import to_rfc3339

State = Literal["owed", "overdue", "reviewed"]


class GlassQuery(msgspec.Struct, frozen=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class GlassView(msgspec.Struct, frozen=True):
    """A broken glass. ``id`` is the decision that used it up, and what a review names; instants are RFC 3339.
    ``owed`` waits for somebody of ``review_by`` until ``due_at``, from when on it is ``overdue``."""

    id: str
    state: State
    release: str
    repository: str
    pull_number: int
    path: str
    environment: str
    broken_at: str
    review_by: str
    due_at: str
    reviewed_at: str | None


class GlassList(msgspec.Struct, frozen=True):
    glasses: tuple[GlassView, ...]


class GlassViews:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET", path="/api/v1/glasses", handler=self.list, permission=Permission.RELEASE_READ,
                response=GlassList, query=GlassQuery, summary="Broken glasses, last broken first, and their reviews",
            ),
        )  # fmt: skip

    async def list(self, request: web.Request) -> web.Response:
        asked, caller, now = query(request, GlassQuery), caller_of(request), self._clock()
        found = await self._database.read(lambda tx: store.newest(tx, caller.tenant, asked.limit))
        return answer(GlassList(tuple(_view(one, now) for one in found if _within(caller.scope, one))))


def _within(scope: Scope, one: StoredGlass) -> bool:
    return scope.covers(repository=one.repository, environment=one.row.environment)


def _view(one: StoredGlass, now: int) -> GlassView:
    row = one.row
    state: State = "reviewed" if one.reviewed_at is not None else "overdue" if now >= row.due_at else "owed"
    return GlassView(
        row.id, state, row.release_id, one.repository, one.number, one.path, row.environment, to_rfc3339(row.at),
        row.review_by, to_rfc3339(row.due_at), to_rfc3339(one.reviewed_at) if one.reviewed_at is not None else None,
    )  # fmt: skip
