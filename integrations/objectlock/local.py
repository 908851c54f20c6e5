"""A folder of files that can only be read, for development: whoever owns the folder can still remove them.

As on file servers with WORM volumes, a file's time says until when it is to be kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from integrations.errors import NotFoundError, RefusedError, UnavailableError
from integrations.objectlock.port import Held, Version

P = ParamSpec("P")
T = TypeVar("T")
READ_ONLY = 0o444
MICROSECOND_NS = 1000


class LocalWorm:
    """See WormStore. Each version is a file ``<key>@<SHA-256 of its bytes>``; the hash is the version's id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, data: bytes, until: int) -> str:
        version = hashlib.sha256(data).hexdigest()
        await self._run(self._write, self._path(key, version), data, until)
        return version

    async def read(self, key: str, version_id: str) -> Held:
        return await self._run(_read, self._path(key, version_id))

    async def versions(self, key: str) -> Sequence[Version]:
        return [
            Version(key, path.name.rpartition("@")[2], path.stat().st_size)
            for path in await self._run(self._list)
            if self._key(path) == key
        ]

    async def keys(self, prefix: str, after: str = "", most: int = 1000) -> Sequence[str]:
        found = {self._key(path) for path in await self._run(self._list)}
        return sorted(key for key in found if key.startswith(prefix) and key > after)[:most]

    async def problems(self, days: int) -> Sequence[str]:
        return []

    async def close(self) -> None:
        return None

    async def _run(self, do: Callable[P, T], *values: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(do, *values, **named)
        except FileNotFoundError as error:
            raise NotFoundError(f"{error.filename}: expected a file, found none.") from error
        except OSError as error:
            raise UnavailableError(f"{self._folder}: cannot be used: {error}.") from error

    def _path(self, key: str, version: str) -> Path:
        path = (self._folder / f"{key}@{version}").resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise RefusedError(f"expected a key inside {self._folder}, found {key}.")
        return path

    def _key(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix().rpartition("@")[0]

    def _list(self) -> list[Path]:
        return [path for path in self._folder.rglob("*@*") if path.is_file()]

    def _write(self, path: Path, data: bytes, until: int) -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent) as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), READ_ONLY)
            os.utime(file.fileno(), ns=(until * MICROSECOND_NS, until * MICROSECOND_NS))
            os.fsync(file.fileno())
            # A link fails where a rename would replace.
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read(path: Path) -> Held:
    told = path.stat()
    return Held(path.read_bytes(), not told.st_mode & 0o222, told.st_mtime_ns // MICROSECOND_NS)
