"""Blobs that were stored after a backup was made, as packs in WORM storage hold them.

A blob is what its digest says or none, so nobody need vouch for a pack. That a pack was there once, records tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec
from sqlalchemy import text

from app.backup.errors import BackupError
from app.blobs import places
from app.blobs.copying import PROGRESS
from app.blobs.packs import HEAD_BYTES, unpack
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.sinks.model import Sink
from app.sinks.records import SYSTEM
from app.sinks.worm import WormSink
from integrations.errors import NeighbourError
from integrations.objectlock.port import Held
from manifests.record import Record

KIND = "restored"
"""Packs do not say what a blob was labelled as. With this label it must stay in the database."""

STORED = "blob.stored"
AT_ONCE = 500

_PUT = text(
    "INSERT INTO blobs (digest, kind, body, created_at) VALUES (:digest, :kind, :body, :at) "
    "ON CONFLICT (digest) DO NOTHING"
)


class _Stored(msgspec.Struct, frozen=True):
    """Of the data of a ``blob.stored`` record: the pack."""

    blobs: int
    key: str


async def bring_back(database: Database, sinks: Iterable[Sink], replayed: Sequence[Record], clock: Clock) -> list[str]:
    """Every pack that the database does not know of; answers what is said of those that ``replayed`` records name and
    that are not there or not whole. Raises BackupError for a place that cannot be read."""
    known: dict[str, set[str]] = {}
    for sink in sinks:
        if not isinstance(sink.blobs, WormSink):
            continue
        try:
            known[sink.name] = await _from(database, sink.name, sink.blobs, clock())
        except NeighbourError as error:
            raise BackupError(f"expected the blobs in {sink.name}, found: {error}") from error
    if known:
        await database.write(lambda tx: places.leave(tx, sorted(known)))
    return [lost for one in replayed for lost in _lost(one, known)]


async def _from(database: Database, name: str, sink: WormSink, now: int) -> set[str]:
    """The names of the packs that are known now."""
    known = set(await database.read(lambda tx: places.objects(tx, name)))
    for key in await sink.names(f"{PROGRESS}/"):
        if key in known:
            continue
        async for version, held in sink.held(key):
            try:
                await database.write(partial(_take, sink=name, key=key, version=version, held=held, now=now))
            except ValueError:
                continue  # Somebody else's, or torn: another version may be whole.
            known.add(key)
            break
    return known


def _take(tx: Tx, *, sink: str, key: str, version: str, held: Held, now: int) -> None:
    """One pack: its blobs, and that they lie there. Raises ValueError for what is none."""
    at = 0
    batch: list[tuple[str, int, bytes]] = []
    for digest, body in unpack(held.data):
        batch.append((digest, at + HEAD_BYTES, body))
        at += HEAD_BYTES + len(body)
    for first in range(0, len(batch), AT_ONCE):
        some = batch[first : first + AT_ONCE]
        kinds = places.kinds(tx, [digest for digest, _, _ in some])
        fresh = [(digest, body) for digest, _, body in some if digest not in kinds]
        tx.run_many(_PUT, [{"digest": digest, "kind": KIND, "body": body, "at": now} for digest, body in fresh])
        rows = [
            {"digest": digest, "kind": kinds.get(digest, KIND), "start": start, "size": len(body), "key": key,
             "version": version, "until": held.until, "at": now}
            for digest, start, body in some
        ]  # fmt: skip
        places.add(tx, sink, rows)


def _lost(one: Record, known: dict[str, set[str]]) -> Iterable[str]:
    if (one.log, one.event) != (SYSTEM, STORED):
        return
    sink = one.resource.split("/")[1]
    stored = msgspec.json.decode(one.data, type=_Stored)
    if stored.key not in known.get(sink, ()):
        yield (
            f"record {one.seq} of log {one.log}: expected {stored.blobs} blobs in {sink} ({stored.key}), found none "
            "that are whole."
        )
