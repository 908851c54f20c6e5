"""Where the log goes besides the database: segments of its records, and checkpoints as anchors."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

MAX_RECORDS = 4096
MAX_BYTES = 1 << 20
MAX_WAIT_US = 5_000_000
"""A segment is closed by whichever of the three comes first."""


class Entry(NamedTuple):
    """A record as a sink sees it: its trace and its exact bytes."""

    trace_id: str
    body: bytes


class Segment(msgspec.Struct, frozen=True):
    """Records ``first`` and following of one log."""

    log: str
    first: int
    entries: tuple[Entry, ...]

    @property
    def end(self) -> int:
        """One after the last record."""
        return self.first + len(self.entries)

    def data(self) -> bytes:
        """The entries as in a C2SP tlog-tiles entry bundle: each after its length in two big-endian bytes."""
        return b"".join(part for entry in self.entries for part in (len(entry.body).to_bytes(2, "big"), entry.body))


class Limits(msgspec.Struct, frozen=True):
    """When a sink wants what is there: at so many records or bytes, or once the oldest waited so long. ``ahead`` is
    how many full segments it takes at once; 1 where their order matters."""

    records: int = MAX_RECORDS
    size: int = MAX_BYTES
    wait_us: int = MAX_WAIT_US
    ahead: int = 1


class Receipt(msgspec.Struct, frozen=True):
    """That a segment is stored for good: name, version, SHA-256 (hex), size in bytes, and until when it is locked."""

    bytes: int
    key: str
    sha256: str
    until: int
    version: str


class Stored(NamedTuple):
    """A segment as its name says: numbers ``first`` to ``end``, not included, and SHA-256 (hex) of its bytes."""

    first: int
    end: int
    sha256: str


class Anchor(msgspec.Struct, frozen=True):
    """A checkpoint's note as found outside; ``where`` names it to people."""

    log: str
    note: bytes
    where: str


class SegmentSink(Protocol):
    """Raises integrations.errors.NeighbourError."""

    limits: Limits
    recorded: bool
    """Whether it gives receipts: the log then says how far it has come, and the table only repeats it."""

    async def deliver(self, segment: Segment, *, look: bool) -> Receipt | None:
        """Returns once the segment is stored; a receipt is recorded in the log. ``look``: it may be there already."""
        ...

    async def stored(self, log: str, first: int) -> Sequence[Stored]:
        """What is stored from record ``first`` on, as an attempt before may have left it; nothing for sinks that
        cannot tell."""
        ...


class AnchorSink(Protocol):
    """Raises integrations.errors.NeighbourError."""

    interval_us: int
    """How long to wait after an anchor before the next: each costs an object for years."""

    async def anchor(self, log: str, size: int, note: bytes) -> str:
        """Stores a checkpoint and answers what ``newest`` wants to be told later."""
        ...

    async def newest(self, log: str, since: str) -> Sequence[Anchor]:
        """The checkpoints from the one that ``since`` names on (all for none). Nothing about them is verified."""
        ...

    async def contradicts(self, log: str) -> str:
        """What the place itself holds against the log as it is now; nothing where it only keeps what it is given."""
        ...


class BlobSink(Protocol):
    """Raises integrations.errors.NeighbourError."""

    async def keep(self, name: str, data: bytes) -> Receipt:
        """Returns once the bytes are stored for good under this name; storing them again stores them once."""
        ...

    async def fetch(self, key: str, version: str) -> bytes:
        """What a receipt names. Nothing about it is verified."""
        ...


class Problems(Protocol):
    async def __call__(self) -> Sequence[str]:
        """What is not as it must be. Raises integrations.errors.NeighbourError."""
        ...


class Sink(msgspec.Struct, frozen=True):
    """One place outside. ``name`` is lower-case letters, and is how metrics, records and findings call it."""

    name: str
    problems: Problems
    close: Callable[[], Awaitable[None]]
    segments: SegmentSink | None = None
    anchors: AnchorSink | None = None
    blobs: BlobSink | None = None


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
