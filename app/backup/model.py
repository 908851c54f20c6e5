"""What a backup is: a folder with one SQLite file, whatever database it is of, and a manifest that says what it holds.

Server keys and the key that wraps people's keys are in no backup: whoever has only the backup can neither sign nor
read what was sealed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from manifests.keys import PublicKey
from manifests.note import VerifierKey

DATABASE: Final = "countersign.db"
MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
NAME: Final = re.compile(r"countersign-\d{8}T\d{6}Z")
"""Folders of backups; the name is when it was made (UTC)."""

Key: TypeAlias = VerifierKey | PublicKey
"""May sign checkpoints; without a name those of every log."""

Progress = Callable[[str, int], None]
"""Told what is being done and how many rows or bytes of it are."""


class LogState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many records a log has in the backup, and the signed checkpoint over them ("" without records)."""

    checkpoint: str
    log: str
    size: int


class TableState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    rows: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``made_at`` is microseconds since 1970 UTC, ``size`` (bytes) and ``sha256`` (hex) are those of the SQLite file,
    ``schema`` is its revision, ``version`` that of the program, ``database`` what it was made of."""

    database: Literal["sqlite", "postgresql"]
    format: Literal[1]
    logs: tuple[LogState, ...]
    made_at: int
    schema: str
    sha256: str
    size: int
    tables: tuple[TableState, ...]
    version: str

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @property
    def records(self) -> int:
        return sum(log.size for log in self.logs)
