"""file: addresses: regular files inside the listed folders, whatever symbolic links say."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from integrations.artifacts.hashing import BLOCK, refuse_over
from integrations.artifacts.port import FoundArtifact
from integrations.errors import NotFoundError, RefusedError, UnavailableError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking, so that opening a pipe that nobody writes to does not wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


class FileSource:
    """Hashes files below ``roots``."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)

    async def digest(self, uri: str, limit: int) -> FoundArtifact:
        """As ArtifactSource. Cancelling stops the reading thread at its next block."""
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._read, uri, limit, stop)
        finally:
            stop.set()

    def _read(self, uri: str, limit: int, stop: threading.Event) -> FoundArtifact:
        path = _path(uri)
        try:
            root, inside = self._place(uri, path)
            with open(_open(root, inside), "rb", buffering=0) as file:
                return _hash(uri, file, limit, stop)
        except PermissionError:
            raise RefusedError(
                f"{uri}: expected a file that may be read, found one that may not."
                " Let the service's user read it and the folders above it."
            ) from None
        except OSError as error:
            if error.errno in _ABSENT:
                raise NotFoundError(f"{uri}: expected a file, found none.") from None
            if error.errno == errno.EISDIR:
                raise _not_regular(uri) from None
            if error.errno == errno.ELOOP:
                raise _moved(uri) from None
            raise UnavailableError(f"{uri}: could not be read ({error.strerror}).") from None

    def _place(self, uri: str, path: Path) -> tuple[Path, Path]:
        """(the listed folder, the path below it), both without symbolic links."""
        try:
            real = path.resolve()
        except RuntimeError:
            raise _moved(uri) from None
        for root in self._roots:
            folder = root.resolve()
            if real != folder and real.is_relative_to(folder):
                return folder, real.relative_to(folder)
        raise RefusedError(
            f"{uri}: expected a file inside a folder that artifacts.file_roots lists, found one outside."
            " Add its folder to artifacts.file_roots, or move the file."
        )


def _path(uri: str) -> Path:
    parts = urlsplit(uri)
    name = unquote_to_bytes(parts.path)
    if parts.query or b"\0" in name:
        raise RefusedError(f"{uri}: expected a plain path, found a query or a zero byte. Correct the address.")
    return Path(os.fsdecode(name))


def _open(root: Path, inside: Path) -> int:
    """The open file. Each step is taken without following links: one may have been put there since."""
    folder = os.open(root, _FOLDER)
    try:
        for name in inside.parts[:-1]:
            below = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(inside.name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _hash(uri: str, file: FileIO, limit: int, stop: threading.Event) -> FoundArtifact:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise _not_regular(uri)
    refuse_over(uri, status.st_size, limit)
    sha256, size, block = hashlib.sha256(), 0, memoryview(bytearray(BLOCK))
    while count := file.readinto(block):
        size += count
        refuse_over(uri, size, limit)
        sha256.update(block[:count])
        if stop.is_set():
            raise UnavailableError(f"{uri}: reading was stopped.")
    return FoundArtifact(sha256.hexdigest(), size)


def _not_regular(uri: str) -> RefusedError:
    return RefusedError(f"{uri}: expected a regular file, found something else. Name a file.")


def _moved(uri: str) -> RefusedError:
    return RefusedError(f"{uri}: expected a path that stays where it is, found changing or circular links.")
