"""Make a backup: beside the others, whole or not at all, and remove old ones once it is verified."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.backup import files
from app.backup.errors import BackupError
from app.backup.model import DATABASE, MANIFEST, NAME, Manifest
from app.backup.seal import SIGNATURE, Sign
from app.clock import SECOND

DAY_US = 86_400 * SECOND

Fill = Callable[[Path], Manifest]
"""Puts a verified backup into an empty folder. Raises BackupError."""


class Made(NamedTuple):
    """A verified backup at ``folder``; ``sha256`` (hex) is its manifest's; ``pruned`` are the names of older ones
    that were removed."""

    folder: Path
    manifest: Manifest
    sha256: str
    pruned: tuple[str, ...] = ()


class Keep(NamedTuple):
    """The ``newest`` backups stay, and all that are not older than ``days``."""

    newest: int
    days: int


def make(directory: Path, made_at: int, fill: Fill, sign: Sign, keep: Keep | None = None) -> Made:
    """A new, signed backup in ``directory``. Blocks. Raises BackupError."""
    try:
        with files.only_one(directory):
            place = directory / _name(made_at)
            if place.exists():
                raise BackupError(f"expected no backup at {place}, found one that was made in the same second")
            with files.whole_or_nothing(place) as part:
                manifest = fill(part)
                files.write(part / SIGNATURE, sign((part / MANIFEST).read_bytes()))
            pruned = _prune(directory, keep, made_at) if keep is not None else ()
    except OSError as error:
        raise BackupError(f"expected to write a backup into {directory}, found: {error}") from error
    return Made(place, manifest, files.sha256((place / MANIFEST).read_bytes()), pruned)


def backups(directory: Path) -> Sequence[tuple[Path, Manifest]]:
    """The finished backups there, oldest first. What cannot be read is none."""
    found = []
    for folder in sorted(path for path in directory.glob("countersign-*") if NAME.fullmatch(path.name)):
        try:
            found.append((folder, msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)))
        except (OSError, msgspec.MsgspecError):
            continue
    return found


def newest_at(directory: Path) -> int | None:
    """When the newest backup there was made that has all its bytes (microseconds since 1970 UTC); None without one."""
    for folder, manifest in reversed(backups(directory)):
        with contextlib.suppress(OSError):
            if os.stat(folder / DATABASE).st_size == manifest.size:
                return manifest.made_at
    return None


def _prune(directory: Path, keep: Keep, now: int) -> tuple[str, ...]:
    older = backups(directory)[: -max(keep.newest, 1)]
    gone = [folder for folder, manifest in older if now - manifest.made_at > keep.days * DAY_US]
    for folder in gone:
        # Renamed first: half a backup must not look like one.
        part = folder.with_name(f".{folder.name}{files.PART}")
        os.rename(folder, part)
        shutil.rmtree(part)
    return tuple(folder.name for folder in gone)


def _name(made_at: int) -> str:
    return time.strftime("countersign-%Y%m%dT%H%M%SZ", time.gmtime(made_at // SECOND))
