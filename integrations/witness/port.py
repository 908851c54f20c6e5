"""A witness: it cosigns a log's checkpoint only if the tree it saw before is the new one's beginning.

It remembers the newest tree of each log where nobody of ours can reach it, so that a log which was taken back or told
differently to others finds no cosignature any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from integrations.errors import RefusedError


class BehindError(RefusedError):
    """The witness knows another size than the one the proof starts from: ``size``."""

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message, status=409)
        self.size = size


class ContradictedError(RefusedError):
    """The tree the witness saw is not the beginning of the one it was shown."""


class Witness(Protocol):
    """Raises integrations.errors.NeighbourError."""

    async def add(self, old: int, proof: Sequence[bytes], checkpoint: bytes) -> str:
        """The signature lines for a checkpoint, given the proof (32-byte hashes) from the tree of size ``old``.

        Raises BehindError where ``old`` is not the newest size it knows, ContradictedError where the proof fails.
        """
        ...

    async def close(self) -> None: ...
