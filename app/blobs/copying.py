"""Bring blobs to a sink that keeps them, in packs; the receipt is a record."""

from __future__ import annotations

from collections.abc import Sequence

from app.blobs import places
from app.blobs.packs import Packed, pack
from app.blobs.places import Waiting
from app.blobs.store import BlobStore
from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.sinks import records, store
from app.sinks.model import BlobSink, Receipt, sha256

PROGRESS = "_blobs"
"""Under this name, which no tenant can have, the table of progress tells how far the copies have come."""

MAX_BLOBS = 1024
MAX_BYTES = 1 << 20
WAIT_US = 30 * SECOND
LOOK_US = 5 * SECOND


class BlobCopying:
    """One sink's share. Large blobs leave the database once they are outside."""

    def __init__(self, name: str, sink: BlobSink, database: Database, blobs: BlobStore, clock: Clock) -> None:
        self._name = name
        self._sink = sink
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._look_at = 0

    async def __call__(self) -> bool:
        """Copy what is due; whether more is due already. Raises NeighbourError, BlobError, DatabaseUnavailableError."""
        now = self._clock()
        if 0 <= self._look_at - now < LOOK_US:
            return False
        chosen, full = await self._database.read(lambda tx: self._due(tx, now))
        if not chosen:
            self._look_at = now + LOOK_US
            return False
        bodies = await self._database.read(lambda tx: self._blobs.get_many(tx, [one.digest for one in chosen]))
        data, packed = pack([(one.digest, bodies[one.digest]) for one in chosen])
        receipt = await self._sink.keep(f"{PROGRESS}/{chosen[0].created_at:016d}.{sha256(data)}", data)
        await self._database.write(lambda tx: self._copied(tx, chosen, packed, receipt))
        return full

    def _due(self, tx: Tx, now: int) -> tuple[Sequence[Waiting], bool]:
        """What makes the next pack, and whether it is full; nothing while the oldest has not waited long enough."""
        since = store.progress(tx, self._name, PROGRESS).size
        found = places.waiting(tx, self._name, since, MAX_BLOBS)
        chosen: list[Waiting] = []
        size = 0
        for one in found:
            size += one.size
            if chosen and size > MAX_BYTES:
                return chosen, True
            chosen.append(one)
        full = len(found) >= MAX_BLOBS
        if chosen and not full and 0 <= now - min(one.created_at for one in chosen) < WAIT_US:
            return [], False
        return chosen, full

    def _copied(self, tx: Tx, chosen: Sequence[Waiting], packed: Sequence[Packed], receipt: Receipt) -> None:
        now = self._clock()
        kinds = {one.digest: one.kind for one in chosen}
        rows = [
            {"digest": one.digest, "kind": kinds[one.digest], "start": one.start, "size": one.size, "key": receipt.key,
             "version": receipt.version, "until": receipt.until, "at": now}
            for one in packed
        ]  # fmt: skip
        places.add(tx, self._name, rows)
        places.leave(tx, [one.digest for one in chosen])
        store.begin(tx, self._name, PROGRESS)
        newest = max((one.created_at for one in chosen if not one.large), default=0)
        before = store.progress(tx, self._name, PROGRESS).size
        if newest > before:
            store.delivered(tx, self._name, PROGRESS, before, newest, receipt.version, now)
        tx.stage(records.SYSTEM, records.blobs_stored(self._name, len(chosen), receipt, now))
