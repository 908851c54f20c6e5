"""Verify, store, answer: what was answered 2xx is on disk with the work it causes marked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.db.database import Database
from app.db.tx import Tx
from app.inbox import store
from app.inbox.store import StoredDelivery
from app.work import store as work

MAX_PENDING_BYTES = 256 * 1024 * 1024
MAX_PER_COMMIT = 512


class InboxFullError(Exception):
    """More deliveries are waiting for the disk than fit in memory; the sender must try again."""

    code = "inbox.full"


class Inbox:
    """Collects deliveries that arrive together into one commit."""

    def __init__(self, database: Database, on_stored: Callable[[], None]) -> None:
        self._database = database
        self._on_stored = on_stored
        self._pending: list[tuple[StoredDelivery, asyncio.Future[None]]] = []
        self._bytes = 0
        self._flusher: asyncio.Task[None] | None = None

    async def accept(self, delivery: StoredDelivery) -> None:
        """Return once the delivery is durable. A duplicate is not stored twice but marks its work again.

        Raises InboxFullError before anything is taken, DatabaseUnavailableError when it cannot be stored.
        """
        if self._bytes + len(delivery.body) > MAX_PENDING_BYTES:
            raise InboxFullError(InboxFullError.__doc__)
        self._bytes += len(delivery.body)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((delivery, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await future

    async def _flush(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:MAX_PER_COMMIT], self._pending[MAX_PER_COMMIT:]
            try:
                await self._database.write(lambda tx, batch=batch: _store(tx, [d for d, _ in batch]))  # type: ignore[misc]
            except Exception as error:
                _fail(batch, error)
            else:
                for _, future in batch:
                    if not future.done():
                        future.set_result(None)
                self._on_stored()
            finally:
                self._bytes -= sum(len(delivery.body) for delivery, _ in batch)


def _store(tx: Tx, deliveries: list[StoredDelivery]) -> None:
    store.insert(tx, deliveries)
    marks = {d.work_key: d.received_at for d in deliveries if d.work_key}
    work.mark_many(tx, marks)


def _fail(batch: list[tuple[StoredDelivery, asyncio.Future[None]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
