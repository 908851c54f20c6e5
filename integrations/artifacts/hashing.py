"""Hashing bytes as they arrive, off the event loop, and no more of them than allowed."""

from __future__ import annotations

import asyncio
import hashlib

from integrations.artifacts.port import FoundArtifact
from integrations.errors import RefusedError

BLOCK = 1 << 20
"""Bytes hashed at a time: larger gains nothing, smaller pays for the switch to a thread."""


class StreamHash:
    """SHA-256 over the chunks fed to it. ``where`` names the address in errors; ``limit`` is in bytes."""

    def __init__(self, where: str, limit: int) -> None:
        self._where = where
        self._limit = limit
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._waiting: list[bytes] = []
        self._waiting_size = 0

    async def feed(self, chunk: bytes) -> None:
        """Raises RefusedError with the first byte over the limit."""
        self._size += len(chunk)
        refuse_over(self._where, self._size, self._limit)
        self._waiting.append(chunk)
        self._waiting_size += len(chunk)
        if self._waiting_size >= BLOCK:
            await self._hash_waiting()

    async def finish(self) -> FoundArtifact:
        await self._hash_waiting()
        return FoundArtifact(self._sha256.hexdigest(), self._size)

    async def _hash_waiting(self) -> None:
        chunks, self._waiting, self._waiting_size = self._waiting, [], 0
        await asyncio.to_thread(self._update, chunks)

    def _update(self, chunks: list[bytes]) -> None:
        for chunk in chunks:
            self._sha256.update(chunk)


def refuse_over(where: str, size: int, limit: int) -> None:
    """Raises RefusedError when ``size`` bytes are more than ``limit``."""
    if size > limit:
        raise RefusedError(
            f"{where}: expected at most {limit} bytes, found more."
            " Raise artifacts.max_bytes, or name the artifact by a signed manifest."
        )
