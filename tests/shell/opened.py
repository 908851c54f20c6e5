"""A small service of routes, a database and tokens, for the tests of the shell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db.connect import connect
from app.db.database import Database
from app.db.tx import Tx
from app.http.application import build
from app.http.context import Check, ProblemPage
from app.http.route import Route
from app.metrics import Metrics
from app.tokens.model import Permission, Scope, TokenScope
from manifests import record
from manifests.keys import PrivateKey
from manifests.record import Record

START = 1_700_000_000_000_000
Serve = Callable[[web.Application], Awaitable[Any]]


class Clock:
    """Stands until it is moved. Microseconds."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)


async def database_in(folder: Path) -> Database:
    return await connect(f"sqlite:///{folder}/countersign.db", LogSequencer([PrivateKey.generate("ed25519")]))


async def records_of(database: Database, log: str) -> list[Record]:
    def unit(tx: Tx) -> list[bytes]:
        return [row.body for row in tx.all(text("SELECT body FROM records WHERE log = :log ORDER BY seq"), log=log)]

    return [record.parse(body) for body in await database.read(unit)]


class KnownCredentials:
    """An authenticator that knows a few words."""

    def __init__(self, known: Mapping[str, Scope]) -> None:
        self._known = known

    async def identify(self, credential: str) -> TokenScope | None:
        scope = self._known.get(credential)
        return TokenScope(f"token:{credential}", "acme", scope) if scope is not None else None


READER = Scope((Permission.RELEASE_READ,))
ADMIN = Scope((Permission.ADMIN,))
BOUND = Scope((Permission.ADMIN,), repository="acme/models")


class Sent(msgspec.Struct, frozen=True):
    name: str
    count: int = 1


def application(
    routes: Iterable[Route],
    *,
    checks: Mapping[str, Check] | None = None,
    page: ProblemPage | None = None,
    hosts: frozenset[str] | None = None,
    public_url: str = "",
) -> web.Application:
    credentials = KnownCredentials({"reader": READER, "admin": ADMIN, "bound": BOUND})
    return build(
        routes,
        metrics=Metrics(),
        authenticators=[credentials],
        checks=checks,
        page=page,
        hosts=hosts,
        public_url=public_url,
        make_id=lambda: "f" * 32,
    )
