"""What is asked of an export, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias, TypeVar

import msgspec

from app.db.database import Unit
from app.search.model import Query

Format = Literal["tiles", "jsonl", "csv"]
State = Literal["waiting", "running", "done", "failed"]
Progress: TypeAlias = Callable[[int, int], None]
"""Told how far in the log an export is, and how far it goes. What it raises ends the export."""

EVERYTHING = Query()
T = TypeVar("T")


class Read(Protocol):
    """Reads the database from the thread that makes the export; blocks."""

    def __call__(self, unit: Unit[T], /) -> T: ...


class Ask(msgspec.Struct, frozen=True):
    """``tiles`` is for machines that verify; with a query it holds the records found, each with its proof.
    ``jsonl`` and ``csv`` are for people: secrets are scrubbed, so they prove nothing."""

    log: str
    format: Format = "tiles"
    query: Query = EVERYTHING


class Summary(msgspec.Struct, frozen=True):
    """``size`` records had the log, ``records`` are in the export, made of ``files`` files with ``bytes`` together.

    ``root`` is that of the checkpoint, base64. ``sha256`` is that of the file, of SHA256SUMS for a folder."""

    log: str
    format: Format
    size: int
    root: str
    records: int
    files: int
    bytes: int
    sha256: str
