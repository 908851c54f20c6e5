"""The log and its exports over HTTP, with callers who may and callers who may not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from app.audit.views import LogViews
from app.clock import new_id
from app.db.database import Database
from app.exports.maker import KEPT_FREE, Maker
from app.exports.service import Exports
from app.exports.views import ExportViews
from app.http.application import build
from app.metrics import Metrics
from app.tokens.model import Permission, Scope, TokenScope
from manifests.note import VerifierKey
from tests.audit.made import AT, KEY

BOUND = "acme/models"
"""Who holds a token of this repository alone."""

CALLERS = {
    "auditor": ("acme", Permission.AUDIT_READ),
    "admin": ("acme", Permission.ADMIN),
    "reader": ("acme", Permission.RELEASE_READ),
    "stranger": ("other", Permission.AUDIT_READ),
    BOUND: ("acme", Permission.AUDIT_READ),
}


class Clock:
    """Goes on two seconds whenever it is looked at, so that every step of an export is told."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> int:
        self.now += 2_000_000
        return self.now


class Known:
    async def identify(self, credential: str) -> TokenScope | None:
        found = CALLERS.get(credential)
        if found is None:
            return None
        repository = BOUND if credential == BOUND else None
        return TokenScope(f"token:{credential}", found[0], Scope((found[1],), repository))


def verifiers(log: str) -> list[VerifierKey]:
    return [VerifierKey(f"countersign.dev/log/{log}", KEY.public)]


class World:
    """One replica; nothing is made in the background unless somebody starts the maker."""

    def __init__(self, database: Database, folder: Path, clock: Clock | None = None) -> None:
        self.database = database
        self.folder = folder
        self.clock = clock or Clock()
        self.free = KEPT_FREE
        self.maker = Maker(database, folder, 7, verifiers, self.clock, new_id, lambda _: self.free)
        self.exports = Exports(database, self.maker, self.clock, new_id)

    def application(self) -> web.Application:
        routes = [*LogViews(self.database, verifiers).routes(), *ExportViews(self.exports, self.clock).routes()]
        return build(routes, metrics=Metrics(), authenticators=[Known()])

    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []

    async def until(self, identity: str, state: str) -> None:
        """Waits for an export that another task makes."""
        while (await self.exports.one("acme", identity)).state != state:
            await asyncio.sleep(0)


def by(name: str) -> Mapping[str, Any]:
    return {"headers": {"Authorization": f"Bearer {name}"}}
