"""Small files that must be whole or not there, and gone when they are gone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

GOING: Final = ".going"


def create(path: Path, data: bytes) -> bool:
    """A new file of mode 0600, durable; False, and nothing changed, if there is one. Raises OSError."""
    temporary = _written(path, data)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    sync_folder(path.parent)
    return True


def replace(path: Path, data: bytes) -> None:
    """Another content for a file, and the bytes of the old one overwritten. Raises OSError."""
    supersede(Path(_written(path, data)), path)


def supersede(source: Path, target: Path) -> None:
    """Put ``source`` in the place of ``target``, whose bytes are overwritten unless the file has another name. Raises
    OSError."""
    with target.open("r+b") as old:
        os.replace(source, target)
        sync_folder(target.parent)
        _overwrite(old.fileno(), names=0)


def link(source: Path, target: Path) -> None:
    """A second name for a file. Raises OSError."""
    os.link(source, target)
    sync_folder(target.parent)


def destroy(path: Path) -> None:
    """Overwrite and remove; nothing if there is no such file. A file that has another name only loses this one.

    A crash leaves it whole, or under a name that ``sweep`` knows. What a copying file system, a snapshot or a backup
    keeps of it is beyond our reach. Raises OSError.
    """
    going = path.with_name(f".{path.name}{GOING}")
    try:
        os.rename(path, going)
    except FileNotFoundError:
        return
    sync_folder(path.parent)
    _finish(going)


def sweep(folder: Path, before: float) -> None:
    """Remove what cut-off steps left: files going, and unfinished ones last written before ``before`` (seconds since
    1970). Raises OSError."""
    for path in folder.glob(f".*{GOING}"):
        _finish(path)
    for path in folder.glob(".*.pem.*"):
        if path.stat().st_mtime < before:
            destroy(path)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _finish(path: Path) -> None:
    with path.open("r+b") as file:
        _overwrite(file.fileno(), names=1)
    os.unlink(path)
    sync_folder(path.parent)


def _written(path: Path, data: bytes) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _overwrite(descriptor: int, names: int) -> None:
    """Unless the file has more names than these, under which it is still wanted."""
    status = os.fstat(descriptor)
    if status.st_nlink > names:
        return
    os.pwrite(descriptor, os.urandom(status.st_size), 0)
    os.fsync(descriptor)
    os.ftruncate(descriptor, 0)
    os.fsync(descriptor)
