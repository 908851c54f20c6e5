"""What verification reads: one consistent view of a database, without taking part in the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple, Protocol, TypeAlias

RecordRow: TypeAlias = tuple[int, bytes, bytes, str, int, str, str, int]
"""seq, body, leaf, trace_id, tseq, resource, event, at"""

LinkedRow: TypeAlias = tuple[int, bytes, bytes, str, int, str, str, int, bytes | None]
"""A record's row, and the body of the record before it in its trace, None where there is none."""

NUMBERS_END = 2**62
"""Beyond any record's number, and before whatever is no number: SQLite orders texts and blobs after them."""


BLOB_TABLES = ("blobs", "blob_uploads")
"""Blobs, and those that wait to be brought outside."""

LOG_TABLES = ("log_heads", "records", "checkpoints", "trace_heads", "tree_hashes", "verifications")
"""Where a log may still be known of, whatever was removed."""


class StoredBlob(NamedTuple):
    """A row: the digest it stands under, what it was labelled as, its bytes."""

    digest: str
    kind: str
    body: bytes


class Copy(NamedTuple):
    """Where outside the database a blob lies: in one version of an object."""

    digest: str
    kind: str
    sink: str
    key: str
    version: str


class Baseline(NamedTuple):
    """How far a log was found to be right: nothing here is believed before a signed checkpoint bears it out.

    ``at`` and ``full_at`` are when it was verified, and when last from its first record on (microseconds since 1970
    UTC); ``problem`` is what was found, and nothing when all was well.
    """

    size: int
    frontier: bytes
    at: int
    full_at: int
    problem: str


class Source(Protocol):
    """One snapshot of everything the log consists of, as it is stored; nothing about it is verified."""

    async def share(self) -> str:
        """By which other connections see the same; nothing where every connection must look for itself."""
        ...

    async def logs(self) -> list[str]: ...

    async def count(self, log: str) -> int:
        """How many rows there are under numbers, whatever numbers these are."""
        ...

    async def strangers(self, log: str) -> Sequence[str]:
        """What stands where a record's number must stand, and is none."""
        ...

    async def records(self, log: str, first: int, stop: int) -> Sequence[RecordRow]:
        """Those with numbers from ``first`` to ``stop``, not included, in order."""
        ...

    async def records_from(self, log: str, first: int, most: int) -> Sequence[RecordRow]:
        """At most so many, in order, with numbers from ``first`` on."""
        ...

    async def records_at(self, log: str, seqs: Sequence[int]) -> Sequence[LinkedRow]:
        """Those of these numbers that are there, in order."""
        ...

    async def leaves(self, log: str, first: int, stop: int) -> Sequence[bytes]:
        """The hashes beside the records ``first`` to ``stop``, not included."""
        ...

    async def bodies(self, log: str, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, bytes]]:
        """Number and body of the records at these places (trace, number in the trace)."""
        ...

    async def checkpoints(self, log: str, first: int) -> Sequence[tuple[int, str]]:
        """Size and note of those over at least ``first`` records, smallest first."""
        ...

    async def checkpoint(self, log: str, size: int) -> str | None:
        """The note of the checkpoint of exactly this size."""
        ...

    async def newest_checkpoint(self, log: str) -> tuple[int, str] | None: ...

    async def tree_hashes(self, log: str, first: int) -> Sequence[tuple[object, object, bytes]]:
        """Level, position and hash of every subtree's root that is kept and ends after record ``first``, and of
        whatever else stands there."""
        ...

    async def head(self, log: str) -> tuple[int, bytes, int] | None: ...

    async def trace_heads(self, log: str, traces: Collection[str] | None) -> Sequence[tuple[str, int, bytes]]:
        """Of all traces, or of these."""
        ...

    async def baseline(self, log: str) -> Baseline | None: ...

    async def receipts(self, log: str) -> Sequence[tuple[bytes, bytes]]:
        """Body and leaf of every record about the delivery of a segment, in order."""
        ...

    async def key_records(self, log: str) -> Sequence[bytes]:
        """The bodies of the records about the keys of servers, in order."""
        ...

    async def staged(self) -> Sequence[tuple[str, bytes]]: ...

    def naming(self, log: str, first: int) -> AsyncIterator[Sequence[bytes]]:
        """The bodies of all records from number ``first`` on about decisions and grants, which name blobs."""
        ...

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The blobs that are kept under these digests, unverified; at most some hundred at once."""
        ...

    def stored_blobs(self, since: int) -> AsyncIterator[StoredBlob]:
        """Every blob that was stored from then on (microseconds since 1970 UTC), one after the other."""
        ...

    async def copies(self, digests: Sequence[str]) -> Sequence[Copy]:
        """The copies of these blobs; at most some hundred at once."""
        ...

    async def only_copies(self) -> Sequence[Copy]:
        """The copies of all blobs that the database does not hold itself."""
        ...
