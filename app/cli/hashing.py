"""SHA-256 of the files that are to go live."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from app.cli.exits import CannotFindOutError, UsageError

THREADS = 2
BUFFER = 1 << 20


class Digest(msgspec.Struct, frozen=True):
    sha256: str


class Subject(msgspec.Struct, frozen=True):
    """One artifact as the gate asks for it."""

    name: str
    digest: Digest


def subjects(files: Sequence[str]) -> tuple[Subject, ...]:
    """Each ``path`` (named by its last part) or ``name=path``, hashed. Raises CommandError."""
    named = [_named(file) for file in files]
    names = [name for name, _ in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"expected distinct names, found {', '.join(twice)} twice; write --file name=path")
    with ThreadPoolExecutor(THREADS) as pool:
        digests = list(pool.map(sha256, [path for _, path in named]))
    return tuple(Subject(name, Digest(digest)) for name, digest in zip(names, digests, strict=True))


def sha256(path: Path) -> str:
    """64 lower-case hex digits. Refuses a file that changes while it is read."""
    try:
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            digest = hashlib.sha256()
            buffer = bytearray(BUFFER)
            view = memoryview(buffer)
            while size := file.readinto(buffer):
                digest.update(view[:size])
            after = os.fstat(file.fileno())
    except OSError as error:
        raise CannotFindOutError(f"{path} cannot be read: {error.strerror}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise CannotFindOutError(f"{path} changed while it was hashed; ask again when it is finished")
    return digest.hexdigest()


def _named(file: str) -> tuple[str, Path]:
    name, separator, path = file.partition("=")
    if separator and not Path(file).exists():
        return name, Path(path)
    return Path(file).name, Path(file)
