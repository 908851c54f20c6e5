"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from app.backup.errors import BackupError

PART = ".part"
READ_AT_ONCE = 1 << 20


@contextlib.contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Keeps others from making or removing backups there meanwhile. Raises BackupError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / ".lock").open("wb") as holder:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupError(
                f"expected to be alone in {directory}, found another backup at work; wait for it"
            ) from error
        yield


@contextlib.contextmanager
def whole_or_nothing(place: Path) -> Iterator[Path]:
    """A folder to fill; it is at ``place`` once all is well and on the disk, and gone if not.

    Also removes what a process that died left of an earlier attempt; the caller sees to it that no other is at work.
    """
    for left in place.parent.glob(f".*{PART}"):
        shutil.rmtree(left, ignore_errors=True)
    part = place.with_name(f".{place.name}{PART}")
    part.mkdir(mode=0o700)
    try:
        yield part
        for path in (*part.iterdir(), part):
            sync(path)
        part.rename(place)
        sync(place.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def new_file(path: Path) -> None:
    """An empty one that only its owner can read."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def write(path: Path, data: bytes) -> None:
    new_file(path)
    path.write_bytes(data)


def sync(path: Path) -> None:
    """Down to the disk; a folder's entries, too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(path: Path) -> str:
    """SHA-256 (hex) of a file as it is on the disk."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(READ_AT_ONCE):
            found.update(data)
    return found.hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
