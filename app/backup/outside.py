"""Backups in a bucket with object lock, as objects ``backup/<name>/…``: the database's file in parts that are named by
their SHA-256, then, last, one object that says which parts. A backup without that one is none.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from app.backup import files
from app.backup.errors import BackupAlteredError, BackupError
from app.backup.make import DAY_US, backups
from app.backup.model import DATABASE, MANIFEST, NAME, Manifest
from app.backup.seal import SIGNATURE, check
from integrations.errors import NeighbourError, NotFoundError
from integrations.objectlock.keeping import keep
from integrations.objectlock.port import WormStore
from manifests.keys import PublicKey

PREFIX: Final = "backup"
PART_BYTES: Final = 8 << 20
"""Of this size each is in memory of a service that has other things to do."""
HEAD: Final = "head.json"
_HEAD: Final = re.compile(rf"{PREFIX}/({NAME.pattern})/{re.escape(HEAD)}")


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest's bytes, the signature over it, and the SHA-256 (hex) of each part in order."""

    manifest: str
    parts: tuple[str, ...]
    signature: str


async def store(worm: WormStore, folder: Path, until: int, part_bytes: int = PART_BYTES) -> int:
    """A finished backup, each object read back and locked until then (microseconds since 1970 UTC); answers how many
    objects it takes. What an attempt before left there is used. Raises BackupError."""
    parts: list[str] = []
    try:
        async for data in _read(folder / DATABASE, part_bytes):
            digest = files.sha256(data)
            await keep(worm, _part(folder.name, len(parts), digest), data, until, look=True)
            parts.append(digest)
        texts = [await asyncio.to_thread((folder / name).read_text) for name in (MANIFEST, SIGNATURE)]
        head = msgspec.json.encode(Head(texts[0], tuple(parts), texts[1]))
        await keep(worm, f"{PREFIX}/{folder.name}/{HEAD}", head, until, look=True)
    except (NeighbourError, OSError) as error:
        raise BackupError(f"expected to bring {folder.name} to the bucket, found: {error}") from error
    return len(parts) + 1


async def store_all(worm: WormStore, directory: Path, days: int, now: int) -> tuple[str, ...]:
    """Every backup in the folder that the bucket lacks and that has time left of the ``days`` it is to be kept; answers
    their names. Raises BackupError."""
    there = set(await names(worm))
    done: list[str] = []
    for folder, manifest in backups(directory):
        until = manifest.made_at + days * DAY_US
        if folder.name not in there and until > now:
            await store(worm, folder, until)
            done.append(folder.name)
    return tuple(done)


async def names(worm: WormStore) -> Sequence[str]:
    """The backups that are there whole, oldest first. Raises BackupError."""
    found: list[str] = []
    after = ""
    try:
        while page := await worm.keys(f"{PREFIX}/", after=after):
            found += [match[1] for key in page if (match := _HEAD.fullmatch(key))]
            after = page[-1]
    except NeighbourError as error:
        raise BackupError(f"expected to list the backups in the bucket, found: {error}") from error
    return sorted(found)


async def fetch(worm: WormStore, name: str, directory: Path, keys: Sequence[PublicKey]) -> tuple[Path, bool]:
    """The backup as a folder in ``directory``, its file as the manifest says; whether one of these keys signed that:
    another may have, and restoring tells. Raises BackupError, BackupAlteredError."""
    place = directory / name
    if not NAME.fullmatch(name):
        raise BackupError(f"expected the name of a backup, as countersign-20261120T022300Z, found {name!r}")
    if place.exists():
        raise BackupError(f"expected nothing at {place}, found something; fetch it elsewhere")
    try:
        heads = [head async for head in _heads(worm, name, keys)]
        if not heads:
            raise BackupError(f"expected a backup {name} in the bucket, found none; there are: {await _listed(worm)}")
        with files.only_one(directory), files.whole_or_nothing(place) as part:
            signed = await _whole(worm, name, heads, part)
    except (NeighbourError, OSError) as error:
        raise BackupError(f"expected to fetch {name} from the bucket, found: {error}") from error
    return place, signed


async def _whole(worm: WormStore, name: str, heads: Sequence[tuple[bool, Head]], part: Path) -> bool:
    """The first that has all its parts. Somebody else may have put one on top of ours, but not on its parts."""
    for signed, head in sorted(heads, key=lambda one: not one[0]):
        manifest = msgspec.json.decode(head.manifest, type=Manifest)
        (part / DATABASE).unlink(missing_ok=True)
        files.new_file(part / DATABASE)
        with (part / DATABASE).open("wb") as file:
            for number, digest in enumerate(head.parts):
                data = await _of(worm, _part(name, number, digest), digest)
                if data is None:
                    break
                await asyncio.to_thread(file.write, data)
        if await asyncio.to_thread(files.digest, part / DATABASE) == manifest.sha256:
            files.write(part / MANIFEST, head.manifest.encode())
            files.write(part / SIGNATURE, head.signature.encode())
            return signed
    raise BackupAlteredError(f"expected {name} in the bucket with all its parts, found some missing or altered")


async def _heads(worm: WormStore, name: str, keys: Sequence[PublicKey]) -> AsyncIterator[tuple[bool, Head]]:
    """Whatever stands there as one, and whether we signed it."""
    for version in await worm.versions(f"{PREFIX}/{name}/{HEAD}"):
        held = await worm.read(version.key, version.version_id)
        try:
            head = msgspec.json.decode(held.data, type=Head)
            msgspec.json.decode(head.manifest, type=Manifest)
        except msgspec.MsgspecError:
            continue
        try:
            check(head.manifest.encode(), head.signature.encode(), keys)
        except BackupAlteredError:
            yield False, head
        else:
            yield True, head


async def _of(worm: WormStore, key: str, digest: str) -> bytes | None:
    for version in await worm.versions(key):
        try:
            held = await worm.read(key, version.version_id)
        except NotFoundError:
            continue
        if files.sha256(held.data) == digest:
            return held.data
    return None


async def _read(path: Path, size: int) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while data := await asyncio.to_thread(file.read, size):
            yield data


async def _listed(worm: WormStore) -> str:
    return ", ".join(await names(worm)) or "none"


def _part(name: str, number: int, digest: str) -> str:
    return f"{PREFIX}/{name}/{DATABASE}.{number:06d}.{digest}"
