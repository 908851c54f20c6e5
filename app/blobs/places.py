"""Which blobs have been copied where, and which wait for it.

Blobs come in no order that a reader of PostgreSQL could rely on: a transaction may commit after another that began
later. So what is new is looked for by time, with an overlap, and told from what is known by the copies themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, text

from app.clock import SECOND
from app.db.tx import Tx

OVERLAP_US = 60 * SECOND
"""No transaction is open for so long."""

_WAITING = text(
    "SELECT b.digest, b.kind, b.created_at, length(b.body) AS size FROM blobs b WHERE b.created_at >= :since"
    " AND NOT EXISTS (SELECT 1 FROM blob_places p WHERE p.digest = b.digest AND p.sink = :sink)"
    " ORDER BY b.created_at, b.digest LIMIT :most"
)
_PASSED_OVER = text(
    "SELECT digest, kind, created_at, length(body) AS size FROM blobs WHERE digest IN (SELECT b.digest FROM blobs b"
    " WHERE NOT EXISTS (SELECT 1 FROM blob_places p WHERE p.digest = b.digest AND p.sink = :sink) LIMIT :most)"
    " ORDER BY created_at, digest"
)
_UPLOADS = text(
    "SELECT u.digest, u.kind, u.created_at, length(u.body) AS size FROM blob_uploads u WHERE NOT EXISTS"
    " (SELECT 1 FROM blob_places p WHERE p.digest = u.digest AND p.sink = :sink) ORDER BY u.created_at LIMIT :most"
)
_ADD = text(
    "INSERT INTO blob_places (digest, sink, kind, start, size, key, version, until, at)"
    " VALUES (:digest, :sink, :kind, :start, :size, :key, :version, :until, :at) ON CONFLICT DO NOTHING"
)
_OF = text("SELECT sink, start, size, key, version FROM blob_places WHERE digest = :digest ORDER BY sink")
_UPLOADED = text(
    "DELETE FROM blob_uploads WHERE :number <="
    " (SELECT count(*) FROM blob_places p WHERE p.digest = blob_uploads.digest AND p.sink IN :sinks)"
).bindparams(bindparam("sinks", expanding=True))
_OBJECTS = text("SELECT DISTINCT key FROM blob_places WHERE sink = :sink")
_KINDS = text(
    "SELECT digest, kind FROM blobs WHERE digest IN :digests UNION ALL"
    " SELECT digest, kind FROM blob_uploads WHERE digest IN :digests"
).bindparams(bindparam("digests", expanding=True))
_MISSING = text(
    "SELECT count(*) AS number FROM blobs b WHERE b.created_at < :before"
    " AND NOT EXISTS (SELECT 1 FROM blob_places p WHERE p.digest = b.digest AND p.sink = :sink)"
)


class Waiting(msgspec.Struct, frozen=True):
    """A blob that a sink does not hold yet; ``created_at`` in microseconds since 1970 UTC. ``large`` ones are only in
    the database until they are outside."""

    digest: str
    kind: str
    created_at: int
    size: int
    large: bool


class Place(msgspec.Struct, frozen=True):
    """A copy: ``size`` bytes from ``start`` on of one version of an object."""

    sink: str
    start: int
    size: int
    key: str
    version: str


def waiting(tx: Tx, sink: str, since: int | None, most: int) -> list[Waiting]:
    """What this sink does not hold: large blobs, then the oldest others from ``since`` (less an overlap) on; without
    it, any others, which reads every blob's key."""
    large = tx.all(_UPLOADS, sink=sink, most=most)
    if since is None:
        others = tx.all(_PASSED_OVER, sink=sink, most=most - len(large))
    else:
        others = tx.all(_WAITING, sink=sink, since=since - OVERLAP_US, most=most - len(large))
    return [
        Waiting(row.digest, row.kind, row.created_at, row.size, is_large)
        for rows, is_large in ((large, True), (others, False))
        for row in rows
    ]


def uncopied(tx: Tx, sink: str, before: int) -> int:
    """How many blobs that were stored before then this sink does not hold; reads every blob's key."""
    row = tx.first(_MISSING, sink=sink, before=before)
    return int(row.number) if row is not None else 0


def add(tx: Tx, sink: str, rows: Sequence[dict[str, object]]) -> None:
    tx.run_many(_ADD, [{"sink": sink, **row} for row in rows])


def of(tx: Tx, digest: str) -> tuple[Place, ...]:
    return tuple(Place(row.sink, row.start, row.size, row.key, row.version) for row in tx.all(_OF, digest=digest))


def leave(tx: Tx, sinks: Sequence[str]) -> None:
    """Large blobs that all of these sinks hold need not be in the database any more."""
    tx.run(_UPLOADED, sinks=list(sinks), number=len(sinks))


def objects(tx: Tx, sink: str) -> frozenset[str]:
    """The names of all packs that hold copies in this sink."""
    return frozenset(row.key for row in tx.all(_OBJECTS, sink=sink))


def kinds(tx: Tx, digests: Sequence[str]) -> dict[str, str]:
    """What those of these blobs that are in the database are labelled as; at most some hundred at once."""
    return {row.digest: row.kind for row in tx.all(_KINDS, digests=list(digests))}
