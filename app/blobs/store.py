"""Bytes under their own SHA-256: snapshots, statements, policies, evidence, raw deliveries.

Kept as long as the log. Whoever reads a blob gets exactly the bytes that its digest names, or an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, text

from app.blobs.errors import BlobAlteredError, BlobMissingError
from app.clock import Clock
from app.db.tx import Tx
from manifests.canonical import sha256_hex

MAX_DIGESTS_PER_QUERY = 500

_PUT = text(
    "INSERT INTO blobs (digest, kind, body, created_at) VALUES (:digest, :kind, :body, :at) "
    "ON CONFLICT (digest) DO NOTHING"
)
_GET = text("SELECT body FROM blobs WHERE digest = :digest")
_GET_MANY = text("SELECT digest, body FROM blobs WHERE digest IN :digests").bindparams(
    bindparam("digests", expanding=True)
)


class BlobStore:
    """The port to blobs in the database. Digests are 64 lower-case hexadecimal characters."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def put(self, tx: Tx, kind: str, body: bytes) -> str:
        """Stores ``body`` unless it is there already, and answers its digest. ``kind`` only labels it."""
        return self.put_many(tx, [(kind, body)])[0]

    def put_many(self, tx: Tx, blobs: Sequence[tuple[str, bytes]]) -> list[str]:
        """The digests of ``(kind, body)`` pairs, in their order, stored in one statement."""
        at = self._clock()
        # Sorted, so that two transactions that store the same blobs take their locks in the same order.
        digests = [sha256_hex(body) for _, body in blobs]
        rows = sorted((digest, kind, body) for digest, (kind, body) in zip(digests, blobs, strict=True))
        tx.run_many(_PUT, [{"digest": row[0], "kind": row[1], "body": row[2], "at": at} for row in rows])
        return digests

    def get(self, tx: Tx, digest: str) -> bytes:
        """Raises BlobMissingError, or BlobAlteredError if the stored bytes are not those of ``digest``."""
        row = tx.first(_GET, digest=digest)
        if row is None:
            raise BlobMissingError(digest)
        return _verified(digest, row.body)

    def get_many(self, tx: Tx, digests: Iterable[str]) -> dict[str, bytes]:
        """All of them, by digest. Raises like ``get`` for the first that cannot be had."""
        wanted = sorted(set(digests))
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), MAX_DIGESTS_PER_QUERY):
            part = wanted[start : start + MAX_DIGESTS_PER_QUERY]
            found.update((row.digest, row.body) for row in tx.all(_GET_MANY, digests=part))
        for digest in wanted:
            if digest not in found:
                raise BlobMissingError(digest)
            _verified(digest, found[digest])
        return found


def _verified(digest: str, body: bytes) -> bytes:
    actual = sha256_hex(body)
    if actual != digest:
        raise BlobAlteredError(digest, actual)
    return body
