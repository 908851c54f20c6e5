"""Where an export is put: a folder, an archive or one file, there whole or not at all, and never over another."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from app.exports.errors import ExportError, TakenError

SUMS = "SHA256SUMS"
_OURS = re.compile(r"\.?([0-9a-f]{32})-\d+\.(?:tar\.gz|jsonl|csv)(?:\.|$)")


class Place(Protocol):
    """Takes files. ``path`` is relative, with ``/``."""

    def put(self, path: str, content: IO[bytes], size: int) -> None: ...


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, path: str, content: IO[bytes], size: int) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            shutil.copyfileobj(content, file)


class Archive:
    """A .tar.gz whose files lie in a folder ``name``; owners and times are left out."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._tar = tarfile.TarFile.gzopen(name, "w", file, compresslevel=6)
        self._name = name

    def put(self, path: str, content: IO[bytes], size: int) -> None:
        entry = tarfile.TarInfo(f"{self._name}/{path}")
        entry.size = size
        entry.mode = 0o644
        self._tar.addfile(entry, content)

    def close(self) -> None:
        self._tar.close()


@contextmanager
def whole_file(to: Path) -> Iterator[IO[bytes]]:
    """A file that is at ``to``, durably, once the block ends without an error. Raises TakenError, ExportError."""
    _refuse_taken(to)
    descriptor, made = tempfile.mkstemp(dir=_parent(to), prefix=f".{to.name}.")
    temporary = Path(made)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            # Unlike a rename, a link never replaces what came there in the meantime.
            os.link(temporary, to)
        except FileExistsError:
            raise _taken(to) from None
    finally:
        temporary.unlink()


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A folder that is at ``to`` once the block ends without an error. Raises TakenError, ExportError."""
    _refuse_taken(to)
    temporary = Path(tempfile.mkdtemp(dir=_parent(to), prefix=f".{to.name}."))
    try:
        yield temporary
        _refuse_taken(to)
        temporary.rename(to)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def remove_others(there: Iterable[Path], kept: Collection[str]) -> None:
    """Removes files that are called like exports, finished or not, but of none of the ids that are ``kept``."""
    for path in there:
        found = _OURS.match(path.name)
        if found is not None and found[1] not in kept:
            path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parent(to: Path) -> Path:
    if not to.parent.is_dir():
        raise ExportError(f"expected the folder {to.parent} to exist, found none; make it first")
    return to.parent


def _refuse_taken(to: Path) -> None:
    if to.exists() or to.is_symlink():
        raise _taken(to)


def _taken(to: Path) -> TakenError:
    return TakenError(f"expected nothing at {to}, found something; an export never writes over anything: name another")
