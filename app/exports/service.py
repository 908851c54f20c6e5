"""Exports that are asked for over the API: made in the background, one after the other, and kept for some days."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from app.clock import Clock, NewId
from app.db.database import Database
from app.db.tx import Tx
from app.exports import records, store
from app.exports.errors import NotReadyError, TooManyExportsError, UnknownExportError
from app.exports.maker import Maker
from app.exports.model import Ask
from app.exports.store import Export

MAX_OPEN = 2
"""Of a tenant, waiting or running."""
MAX_KEPT = 20


class Exports:
    def __init__(self, database: Database, maker: Maker, clock: Clock, make_id: NewId) -> None:
        self._database = database
        self._maker = maker
        self._clock = clock
        self._new_id = make_id

    async def ask(self, tenant: str, asked_by: str, ask: Ask) -> Export:
        """Raises TooManyExportsError."""
        identity, at = self._new_id(), self._clock()

        def unit(tx: Tx) -> Export:
            store.alone(tx, tenant)
            _refuse_too_many(store.of_tenant(tx, tenant))
            return store.add(tx, identity, tenant, asked_by, ask, at)

        made = await self._database.write(unit)
        self._maker.wake()
        return made

    async def of_tenant(self, tenant: str) -> tuple[Export, ...]:
        """Newest first."""
        return await self._database.read(partial(store.of_tenant, tenant=tenant))

    async def one(self, tenant: str, identity: str) -> Export:
        """Raises UnknownExportError."""
        found = await self._database.read(partial(store.one, tenant=tenant, identity=identity))
        if found is None:
            raise UnknownExportError(f"expected the id of an export, found {identity[:64]}; see the list of exports")
        return found

    async def download(self, tenant: str, identity: str, by: str) -> tuple[Export, Path]:
        """The finished export and its file; who takes it is recorded. Raises UnknownExportError, NotReadyError."""
        found = await self.one(tenant, identity)
        if found.state != "done":
            raise NotReadyError(f"expected a finished export, found it {found.state}; ask again later")
        path = self._maker.path_of(found)
        if not await asyncio.to_thread(path.is_file):
            raise NotReadyError(
                "expected its file in exports.directory, found none; ask for it anew, and let replicas share it"
            )
        at = self._clock()
        await self._database.write(lambda tx: records.downloaded(tx, found, by, at))
        return found, path

    async def remove(self, tenant: str, identity: str) -> None:
        """Also ends one that is being made. Raises UnknownExportError."""
        found = await self.one(tenant, identity)
        await self._database.write(partial(store.remove, tenant=tenant, identity=identity))
        await asyncio.to_thread(self._maker.path_of(found).unlink, missing_ok=True)


def _refuse_too_many(there: tuple[Export, ...]) -> None:
    unfinished = sum(export.state in ("waiting", "running") for export in there)
    if unfinished >= MAX_OPEN:
        raise TooManyExportsError(
            f"expected at most {MAX_OPEN} unfinished exports, found {unfinished}; wait for one or remove one"
        )
    if len(there) >= MAX_KEPT:
        raise TooManyExportsError(f"expected at most {MAX_KEPT} exports, found {len(there)}; remove one")
