"""Many blobs in one object of WORM storage: objects cost, blobs are many and small.

Each blob stands behind its SHA-256 (32 bytes) and its length (4 big-endian bytes), so that a pack explains itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

HEAD_BYTES = 32 + 4


class Packed(NamedTuple):
    """Where a blob lies in its pack: ``size`` bytes from ``start`` on."""

    digest: str
    start: int
    size: int


def pack(blobs: Sequence[tuple[str, bytes]]) -> tuple[bytes, list[Packed]]:
    """The object for pairs of digest (64 hex digits) and body, and where each body lies in it."""
    parts: list[bytes] = []
    places: list[Packed] = []
    at = 0
    for digest, body in blobs:
        parts += [bytes.fromhex(digest), len(body).to_bytes(4, "big"), body]
        places.append(Packed(digest, at + HEAD_BYTES, len(body)))
        at += HEAD_BYTES + len(body)
    return b"".join(parts), places


def unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Digest and body of each blob. Raises ValueError where these bytes are no pack, or a body is not its digest's."""
    at = 0
    while at < len(data):
        digest, size = data[at : at + 32], int.from_bytes(data[at + 32 : at + HEAD_BYTES], "big")
        at += HEAD_BYTES
        body = data[at : at + size]
        if len(body) != size or len(digest) != 32:
            raise ValueError(f"expected {size} bytes from {at} on, found {len(body)}")
        if hashlib.sha256(body).digest() != digest:
            raise ValueError(f"expected the blob {digest.hex()} at {at}, found other bytes")
        yield digest.hex(), body
        at += size
