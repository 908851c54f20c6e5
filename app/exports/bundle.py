"""The files of an export, counted and listed with their SHA-256 in the form of sha256sum."""

from __future__ import annotations

import hashlib
import io
import tempfile
from types import TracebackType
from typing import IO

from app.exports.places import SUMS, Place

_IN_MEMORY = 1 << 20


class Bundle:
    """Puts files into a place. Leaving the block without an error adds the list of them as ``SHA256SUMS``."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._sums = _spool()
        self.files = 0
        self.bytes = 0
        self.sha256 = ""
        """That of the list, once it is there."""

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._sums:
            if error is None:
                self.sha256 = self._put(SUMS, self._sums)

    def add(self, path: str, content: bytes | str) -> None:
        data = content.encode() if isinstance(content, str) else content
        self.add_file(path, io.BytesIO(data))

    def add_file(self, path: str, content: IO[bytes]) -> None:
        """``content`` may be longer than fits into memory; all of it is taken, wherever it stands."""
        digest = self._put(path, content)
        self._sums.write(f"{digest}  {path}\n".encode())

    def _put(self, path: str, content: IO[bytes]) -> str:
        content.seek(0)
        digest, size = hashlib.sha256(), 0
        while chunk := content.read(_IN_MEMORY):
            digest.update(chunk)
            size += len(chunk)
        content.seek(0)
        self._place.put(path, content, size)
        self.files += 1
        self.bytes += size
        return digest.hexdigest()


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)


def spool() -> IO[bytes]:
    """A file for what is collected on the way: in memory while it is small."""
    return _spool()
