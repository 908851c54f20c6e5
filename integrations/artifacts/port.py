"""Where the bytes of an artifact are when they are not in the repository."""

from __future__ import annotations

from typing import Protocol

import msgspec


class FoundArtifact(msgspec.Struct, frozen=True):
    """What lies at an address: SHA-256 (64 lower-case hex digits) and size in bytes."""

    sha256: str
    size: int


class ArtifactSource(Protocol):
    """Reads file:, https: and s3: addresses. Raises integrations.errors.NeighbourError."""

    async def digest(self, uri: str, limit: int) -> FoundArtifact:
        """Read everything and hash it; RefusedError for an address that is not allowed or more than ``limit``
        bytes, NotFoundError when there is nothing."""
        ...

    async def close(self) -> None: ...
