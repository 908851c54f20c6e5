"""Bytes under their own SHA-256: snapshots, statements, policies, evidence, raw deliveries.

Kept as long as the log. Whoever reads a blob gets exactly the bytes that its digest names, or an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import TextClause, bindparam, text

from app.blobs import places
from app.blobs.errors import BlobAlteredError, BlobElsewhereError, BlobError, BlobMissingError
from app.clock import Clock
from app.db.tx import Tx
from manifests.canonical import sha256_hex

MAX_DIGESTS_PER_QUERY = 500
FILES = "release"
"""The kind of a release's own files. Nothing is decided from their blobs, so they alone may lie elsewhere."""

_PUT = text(
    "INSERT INTO blobs (digest, kind, body, created_at) VALUES (:digest, :kind, :body, :at) "
    "ON CONFLICT (digest) DO NOTHING"
)
_GET = text("SELECT body FROM blobs WHERE digest = :digest")
_GET_MANY = text("SELECT digest, body FROM blobs WHERE digest IN :digests").bindparams(
    bindparam("digests", expanding=True)
)
_GET_LARGE = text("SELECT digest, body FROM blob_uploads WHERE digest IN :digests").bindparams(
    bindparam("digests", expanding=True)
)
_UPLOAD = text(
    "INSERT INTO blob_uploads (digest, kind, body, created_at) VALUES (:digest, :kind, :body, :at) "
    "ON CONFLICT (digest) DO NOTHING"
)


class BlobStore:
    """The port to blobs in the database. Digests are 64 lower-case hexadecimal characters.

    ``large_from``: files of a release of so many bytes leave the database once a sink keeps them; None for never.
    """

    def __init__(self, clock: Clock, large_from: int | None = None) -> None:
        self._clock = clock
        self._large_from = large_from

    def put(self, tx: Tx, kind: str, body: bytes) -> str:
        """Stores ``body`` unless it is there already, and answers its digest. ``kind`` only labels it."""
        return self.put_many(tx, [(kind, body)])[0]

    def put_many(self, tx: Tx, blobs: Sequence[tuple[str, bytes]]) -> list[str]:
        """The digests of ``(kind, body)`` pairs, in their order, stored in one statement."""
        at = self._clock()
        # Sorted, so that two transactions that store the same blobs take their locks in the same order.
        digests = [sha256_hex(body) for _, body in blobs]
        rows = sorted((digest, kind, body) for digest, (kind, body) in zip(digests, blobs, strict=True))
        if large := [row for row in rows if self._is_large(row[1], row[2])]:
            _put_large(tx, large, at)
            rows = [row for row in rows if not self._is_large(row[1], row[2])]
        tx.run_many(_PUT, [{"digest": row[0], "kind": row[1], "body": row[2], "at": at} for row in rows])
        return digests

    def get(self, tx: Tx, digest: str) -> bytes:
        """Raises BlobMissingError, BlobElsewhereError, or BlobAlteredError if the bytes are other ones."""
        row = tx.first(_GET, digest=digest)
        if row is None:
            return self.get_many(tx, [digest])[digest]
        return verified(digest, row.body)

    def get_many(self, tx: Tx, digests: Iterable[str]) -> dict[str, bytes]:
        """All of them, by digest. Raises like ``get`` for the first that cannot be had."""
        wanted = sorted(set(digests))
        found = _found(tx, _GET_MANY, wanted)
        if len(found) < len(wanted):
            found |= _found(tx, _GET_LARGE, [digest for digest in wanted if digest not in found])
        for digest in wanted:
            if digest not in found:
                raise _absent(tx, digest)
            verified(digest, found[digest])
        return found

    def _is_large(self, kind: str, body: bytes) -> bool:
        return self._large_from is not None and kind == FILES and len(body) >= self._large_from


def verified(digest: str, body: bytes) -> bytes:
    """``body``. Raises BlobAlteredError if it is not what the digest names."""
    actual = sha256_hex(body)
    if actual != digest:
        raise BlobAlteredError(digest, actual)
    return body


def _found(tx: Tx, sql: TextClause, wanted: Sequence[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for start in range(0, len(wanted), MAX_DIGESTS_PER_QUERY):
        part = wanted[start : start + MAX_DIGESTS_PER_QUERY]
        found.update((row.digest, row.body) for row in tx.all(sql, digests=part))
    return found


def _absent(tx: Tx, digest: str) -> BlobError:
    copies = places.of(tx, digest)
    return BlobElsewhereError(digest, copies) if copies else BlobMissingError(digest)


def _put_large(tx: Tx, rows: Sequence[tuple[str, str, bytes]], at: int) -> None:
    """Into the database only until they are outside."""
    for digest, kind, body in rows:
        if tx.first(_GET, digest=digest) is None and not places.of(tx, digest):
            tx.run(_UPLOAD, digest=digest, kind=kind, body=body, at=at)
