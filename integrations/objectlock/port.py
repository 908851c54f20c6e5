"""Storage where nobody, the owner of the account included, changes or removes an object before its time.

Object lock protects *versions*: a new version may be put on top, and a delete marker may hide a key. So an object
is always named by key and version id, and what hides or covers it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Version(msgspec.Struct, frozen=True):
    """One version of an object. ``size`` is in bytes."""

    key: str
    version_id: str
    size: int


class Held(msgspec.Struct, frozen=True):
    """A version read back. ``until`` (microseconds since 1970 UTC) is when its lock ends, 0 when it has none;
    ``locked`` says whether that lock can be neither shortened nor taken off."""

    data: bytes
    locked: bool
    until: int


class WormStore(Protocol):
    """Raises integrations.errors.NeighbourError."""

    async def put(self, key: str, data: bytes, until: int) -> str:
        """Store a new version, locked until then (microseconds since 1970 UTC), and answer its id.

        Raises InDoubtError when it may have been stored all the same: look with ``versions`` before repeating.
        """
        ...

    async def read(self, key: str, version_id: str) -> Held: ...

    async def versions(self, key: str) -> Sequence[Version]:
        """Every version of exactly this key, hidden ones too; delete markers are none."""
        ...

    async def keys(self, prefix: str, after: str = "", most: int = 1000) -> Sequence[str]:
        """Names that begin with ``prefix`` and come after ``after``, in the order of their bytes, hidden ones too."""
        ...

    async def problems(self, days: int) -> Sequence[str]:
        """What is not as it must be for objects to be kept ``days``; nothing when all is well."""
        ...

    async def close(self) -> None: ...
