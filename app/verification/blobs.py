"""Verify blobs: that each which records of decisions and grants name is there, and that each is what its digest says.

A pass of its own beside that over the records, which shows that these name what they always named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from app.blobs.store import FILES
from app.verification.port import Copy, Source
from app.verification.report import Finding, Kind, finding

T = TypeVar("T")
AT_ONCE = 500
SNAPSHOT = "snapshot"
SYSTEM: Final = "system"
"""The log of what belongs to no tenant: blobs are shared."""


class _Data(msgspec.Struct, frozen=True):
    """Of all the kinds of records about decisions and grants: the fields that hold digests of blobs."""

    snapshot: str = ""
    verdict: str = ""
    attestation: str = ""
    statement: str = ""


class _Record(msgspec.Struct, frozen=True):
    seq: int
    resource: str
    data: _Data = _Data()


class _Snapshot(msgspec.Struct, frozen=True):
    parts: dict[str, str]


class _Named(msgspec.Struct, frozen=True):
    """A blob as a record names it. ``what`` is what it holds, ``resource`` whose it is; without a record, ``what`` is
    its label."""

    digest: str
    what: str
    log: str
    seq: int | None
    resource: str

    def __str__(self) -> str:
        if self.seq is None:
            return f"expected the blob {self.digest} ({self.what})"
        return f"{self.resource} (record {self.seq} of log {self.log}): expected its {self.what} as blob {self.digest}"


class _Wrong(msgspec.Struct):
    """What is wrong with a blob, the first record found that names it, and how many more do."""

    code: str
    why: str
    first: _Named
    more: int = 0


class Blobs:
    """Each blob is read once, however many records name it. ``read`` counts those that were there, ``outside`` those
    that lie only outside the database, once all were looked at."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: set[str] = set()
        self._wrong: dict[str, _Wrong] = {}
        self.read = 0
        self.outside: int | None = None

    async def verify(self, log: str, first: int = 0) -> None:
        """All blobs that the records of this log from ``first`` on name, and the parts of the snapshots among them."""
        async for bodies in self._source.naming(log, first):
            for some in _chunks([named for body in bodies for named in _named(log, body)]):
                parts = await self._check(some)
                for few in _chunks(parts):
                    await self._check(few)

    async def verify_all(self, since: int = 0) -> None:
        """Every other blob that was stored from then on (microseconds since 1970 UTC), and that none which was copied
        outside is gone: only a release's own files may lie nowhere else."""
        async for blob in self._source.stored_blobs(since):
            if blob.digest in self._seen:
                continue
            self._seen.add(blob.digest)
            self.read += 1
            if (actual := sha256(blob.body).hexdigest()) != blob.digest:
                self._wrong[blob.digest] = _altered(actual, _Named(blob.digest, blob.kind, SYSTEM, None, ""))
        elsewhere = {copy.digest: copy.kind for copy in await self._source.only_copies()}
        self.outside = sum(kind == FILES for kind in elsewhere.values())
        for digest, kind in elsewhere.items():
            if kind != FILES and digest not in self._wrong:
                self._wrong[digest] = _missing(_Named(digest, kind, SYSTEM, None, ""))

    async def findings(self) -> list[Finding]:
        """One for each blob that is wrong, with a record that names it, and where a copy of it lies."""
        found: list[Finding] = []
        for digests in _chunks(list(self._wrong)):
            copies: dict[str, list[Copy]] = {}
            for copy in await self._source.copies(digests):
                copies.setdefault(copy.digest, []).append(copy)
            found += [self._finding(digest, copies.get(digest, ())) for digest in digests]
        if self.outside:
            message = f"{self.outside} large files of releases lie only outside the database; they were not read."
            found.append(finding("blob.outside", SYSTEM, None, message, "note"))
        return sorted(found, key=lambda item: (item.log, item.seq or 0, item.message))

    def _finding(self, digest: str, copies: Sequence[Copy]) -> Finding:
        wrong = self._wrong[digest]
        others = f" {wrong.more} more name it." if wrong.more else ""
        where = "".join(f" A copy lies in {one.sink} ({one.key}, version {one.version})." for one in copies)
        kind: Kind = "unknown" if wrong.code == "blob.unreadable" else "finding"
        message = f"{wrong.first}, {wrong.why}.{others}{where}"
        return finding(wrong.code, wrong.first.log, wrong.first.seq, message, kind)

    async def _check(self, some: Sequence[_Named]) -> list[_Named]:
        """Reads those not seen before; answers the parts that the snapshots among them name."""
        fresh: dict[str, _Named] = {}
        for named in sorted(some, key=lambda one: one.seq or 0):
            if named.digest in self._wrong:
                self._wrong[named.digest].more += 1
            elif named.digest not in self._seen:
                fresh.setdefault(named.digest, named)
        self._seen.update(fresh)
        bodies = await self._source.blobs(list(fresh))
        self.read += len(bodies)
        parts: list[_Named] = []
        for digest, named in fresh.items():
            body = bodies.get(digest)
            if body is None:
                self._wrong[digest] = _missing(named)
            elif (actual := sha256(body).hexdigest()) != digest:
                self._wrong[digest] = _altered(actual, named)
            elif named.what == SNAPSHOT:
                parts += self._parts(named, body)
        for named in some:
            wrong = self._wrong.get(named.digest)
            if wrong is not None and named.digest in fresh and named is not wrong.first:
                wrong.more += 1
        return parts

    def _parts(self, named: _Named, body: bytes) -> Iterator[_Named]:
        try:
            parts = msgspec.json.decode(body, type=_Snapshot).parts
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._wrong[named.digest] = _Wrong("blob.unreadable", "found one that this version cannot read", named)
            return
        for name, digest in parts.items():
            yield msgspec.structs.replace(named, digest=digest, what=f"snapshot's {name}")


def _missing(named: _Named) -> _Wrong:
    return _Wrong("blob.missing", "found none", named)


def _altered(actual: str, named: _Named) -> _Wrong:
    return _Wrong("blob.altered", f"found bytes whose digest is {actual}", named)


def _named(log: str, body: bytes) -> Iterator[_Named]:
    try:
        record = msgspec.json.decode(body, type=_Record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return  # The pass over the records says so.
    for what in _Data.__struct_fields__:
        digest = getattr(record.data, what)
        if digest:
            yield _Named(digest, what, log, record.seq, record.resource)


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
