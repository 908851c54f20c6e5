"""Verify, store, answer: what was answered 2xx is on disk with the work it causes marked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from app.db.database import Database
from app.db.tx import Tx
from app.inbox import store
from app.inbox.doubts import Doubt, matters
from app.inbox.store import StoredDelivery
from app.work import store as work

MAX_PENDING_BYTES = 256 * 1024 * 1024
MAX_PER_COMMIT = 512
CHANGES_NOTHING = "no verdict depends on it"

_Pending: TypeAlias = tuple[StoredDelivery, Doubt | None, asyncio.Future[None]]


class InboxFullError(Exception):
    """More deliveries are waiting for the disk than fit in memory; the sender must try again."""

    code = "inbox.full"


class Inbox:
    """Collects deliveries that arrive together into one commit."""

    def __init__(self, database: Database, on_stored: Callable[[], None]) -> None:
        self._database = database
        self._on_stored = on_stored
        self._pending: list[_Pending] = []
        self._bytes = 0
        self._flusher: asyncio.Task[None] | None = None

    async def accept(self, delivery: StoredDelivery, about: Doubt | None = None) -> None:
        """Return once the delivery is durable. A duplicate is not stored twice but marks its work again; what changes
        nothing (``about``) causes no work.

        Raises InboxFullError before anything is taken, DatabaseUnavailableError when it cannot be stored.
        """
        if self._bytes + len(delivery.body) > MAX_PENDING_BYTES:
            raise InboxFullError(InboxFullError.__doc__)
        self._bytes += len(delivery.body)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((delivery, about, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await future

    async def _flush(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:MAX_PER_COMMIT], self._pending[MAX_PER_COMMIT:]
            try:
                found = [(one, about) for one, about, _ in batch]
                await self._database.write(lambda tx, found=found: _store(tx, found))  # type: ignore[misc]
            except Exception as error:
                _fail(batch, error)
            else:
                for _, _, future in batch:
                    if not future.done():
                        future.set_result(None)
                self._on_stored()
            finally:
                self._bytes -= sum(len(delivery.body) for delivery, _, _ in batch)


def _store(tx: Tx, found: list[tuple[StoredDelivery, Doubt | None]]) -> None:
    _take(tx, [delivery for delivery, about in found if about is None])
    # After those that are beyond doubt: one of them may be what another is about.
    for delivery, about in found:
        if about is not None:
            _take(tx, [delivery if matters(tx, delivery, about) else _ignored(delivery)])


def _take(tx: Tx, deliveries: list[StoredDelivery]) -> None:
    store.insert(tx, deliveries)
    marks = {d.work_key: d.received_at for d in deliveries if d.work_key}
    work.mark_many(tx, marks)


def _ignored(delivery: StoredDelivery) -> StoredDelivery:
    return msgspec.structs.replace(delivery, work_key="", status="ignored", note=CHANGES_NOTHING)


def _fail(batch: list[_Pending], error: Exception) -> None:
    for _, _, future in batch:
        if not future.done():
            future.set_exception(error)
