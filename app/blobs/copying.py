"""Bring blobs to a sink that keeps them, in packs; the receipt is a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from app.blobs import places
from app.blobs.errors import BlobError
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
ALL_US = 86_400 * SECOND
"""How often every blob is looked at, and not only the new ones: that takes a second for a million."""


class BlobCopying:
    """One sink's share. Large blobs leave the database once all of ``keepers``, which it is one of, hold them."""

    def __init__(
        self, name: str, sink: BlobSink, database: Database, blobs: BlobStore, clock: Clock,
        keepers: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._name = name
        self._sink = sink
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._keepers = keepers or (name,)
        self._broken: dict[str, BlobError] = {}
        self._look_at = self._all_at = 0

    async def __call__(self) -> bool:
        """Copy what is due; whether more is due already. Raises NeighbourError, DatabaseUnavailableError."""
        now = self._clock()
        if 0 <= self._look_at - now < LOOK_US:
            return False
        chosen, full = await self._next(now)
        if not chosen:
            self._look_at = now + LOOK_US
            return False
        bodies = await self._bodies([one.digest for one in chosen])
        there = [one for one in chosen if one.digest in bodies]
        if there:
            await self._keep(there, bodies)
        if self._broken:
            await self._database.write(self._tell)
        return full

    async def _next(self, now: int) -> tuple[Sequence[Waiting], bool]:
        chosen, full = await self._database.read(lambda tx: self._due(tx, now, self._since(tx, now)))
        if chosen or 0 < self._all_at - now <= ALL_US:
            return chosen, full
        # What a clock that jumped or a slow transaction made us pass over, and what was broken and may be mended.
        self._broken.clear()
        chosen, full = await self._database.read(lambda tx: self._due(tx, now, None))
        if not full:
            self._all_at = now + ALL_US
        return chosen, full

    def _since(self, tx: Tx, now: int) -> int:
        """From where on to look: what a clock that was ahead left behind must not hide what comes after it."""
        return min(now, store.progress(tx, self._name, PROGRESS).size)

    def _due(self, tx: Tx, now: int, since: int | None) -> tuple[Sequence[Waiting], bool]:
        """What makes the next pack, and whether it is full; nothing while the oldest has not waited long enough."""
        most = MAX_BLOBS + len(self._broken)
        found = places.waiting(tx, self._name, since, most)
        chosen: list[Waiting] = []
        size = 0
        for one in found:
            if one.digest in self._broken:
                continue
            size += one.size
            if chosen and size > MAX_BYTES:
                return chosen, True
            chosen.append(one)
        full = len(found) >= most
        if chosen and not full and 0 <= now - min(one.created_at for one in chosen) < WAIT_US:
            return [], False
        return chosen, full

    async def _bodies(self, digests: list[str]) -> dict[str, bytes]:
        """Those that are whole. One that is not keeps no other from being copied."""
        while True:
            try:
                return await self._database.read(partial(self._blobs.get_many, digests=digests))
            except BlobError as error:
                self._broken[error.digest] = error
                digests = [digest for digest in digests if digest != error.digest]

    async def _keep(self, chosen: Sequence[Waiting], bodies: Mapping[str, bytes]) -> None:
        data, packed = pack([(one.digest, bodies[one.digest]) for one in chosen])
        receipt = await self._sink.keep(f"{PROGRESS}/{chosen[0].created_at:016d}.{sha256(data)}", data)
        await self._database.write(lambda tx: self._copied(tx, chosen, packed, receipt))

    def _copied(self, tx: Tx, chosen: Sequence[Waiting], packed: Sequence[Packed], receipt: Receipt) -> None:
        now = self._clock()
        kinds = {one.digest: one.kind for one in chosen}
        rows = [
            {"digest": one.digest, "kind": kinds[one.digest], "start": one.start, "size": one.size, "key": receipt.key,
             "version": receipt.version, "until": receipt.until, "at": now}
            for one in packed
        ]  # fmt: skip
        places.add(tx, self._name, rows)
        places.leave(tx, self._keepers)
        store.begin(tx, self._name, PROGRESS)
        newest = max((one.created_at for one in chosen if not one.large), default=0)
        before = store.progress(tx, self._name, PROGRESS).size
        if newest > before:
            store.delivered(tx, self._name, PROGRESS, before, newest, receipt.version, now)
        tx.stage(records.SYSTEM, records.blobs_stored(self._name, len(chosen), receipt, now))

    def _tell(self, tx: Tx) -> None:
        store.begin(tx, self._name, PROGRESS)
        store.failed(tx, self._name, PROGRESS, str(next(iter(self._broken.values()))))
