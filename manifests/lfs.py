"""Git LFS pointer files (git-lfs docs/spec.md): what stands in the commit instead of a large file."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_POINTER_BYTES = 1024

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n"
)


class Pointer(NamedTuple):
    """The real file: its SHA-256 (64 lower-case hex digits) and its size in bytes."""

    sha256: str
    size: int


def parse(data: bytes) -> Pointer | None:
    """The pointer in ``data``, or None if these bytes are an ordinary file.

    Only the canonical form of version 1 without extensions counts: anything else is content of its own.
    """
    if len(data) >= MAX_POINTER_BYTES:
        return None
    match = _POINTER.fullmatch(data)
    return Pointer(match[1].decode(), int(match[2])) if match else None
