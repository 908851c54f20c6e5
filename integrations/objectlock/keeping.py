"""Put an object into WORM storage so that it is there once and proven to be there."""

from __future__ import annotations

import hashlib

import msgspec

from integrations.errors import InDoubtError, RefusedError
from integrations.objectlock.port import Held, WormStore

TOLERANCE_US = 86_400_000_000
"""How much earlier than asked the lock of an object found may end: it was put by an attempt before this one."""


class Kept(msgspec.Struct, frozen=True):
    """An object read back and found right. ``sha256`` is hex, ``until`` microseconds since 1970 UTC."""

    key: str
    version_id: str
    sha256: str
    until: int


async def keep(store: WormStore, key: str, data: bytes, until: int, *, look: bool) -> Kept:
    """The object, stored, read back by its version, whole and locked.

    ``look``: an attempt before may have stored it, so it is looked for first. After a put whose answer was lost it
    always is. Raises NeighbourError; RefusedError when what was read back is not what was put.
    """
    found = await find(store, key, data, until) if look else None
    if found is not None:
        return found
    try:
        version = await store.put(key, data, until)
    except InDoubtError:
        found = await find(store, key, data, until)
        if found is None:
            raise
        return found
    held = await store.read(key, version)
    if not _is(held, data, until):
        raise RefusedError(
            f"{key}, version {version}: expected {len(data)} bytes locked until {until}, found "
            f"{_said(held, data)}. Check that the bucket has object lock in COMPLIANCE mode."
        )
    return Kept(key, version, hashlib.sha256(data).hexdigest(), held.until)


async def find(store: WormStore, key: str, data: bytes, until: int) -> Kept | None:
    """A version that holds these bytes under a lock, if there is one."""
    for version in await store.versions(key):
        if version.size != len(data):
            continue
        held = await store.read(key, version.version_id)
        if _is(held, data, until - TOLERANCE_US):
            return Kept(key, version.version_id, hashlib.sha256(data).hexdigest(), held.until)
    return None


def _is(held: Held, data: bytes, until: int) -> bool:
    # Servers keep whole seconds.
    return held.data == data and held.locked and held.until >= until - until % 1_000_000


def _said(held: Held, data: bytes) -> str:
    if held.data != data:
        return f"{len(held.data)} other bytes"
    return f"a lock until {held.until}" if held.locked else "no lock that holds"
