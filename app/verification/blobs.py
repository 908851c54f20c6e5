"""Verify the blobs that records of decisions and grants name: that each is there, and is what its digest says.

A pass of its own beside that over the records, which shows that these name what they always named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import msgspec

from app.verification.port import Source
from app.verification.report import Finding, Kind, finding

AT_ONCE = 500
SNAPSHOT = "snapshot"


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
    """A blob as a record names it. ``what`` is what it holds, ``resource`` whose it is."""

    digest: str
    what: str
    log: str
    seq: int
    resource: str


class _Wrong(msgspec.Struct):
    """What is wrong with a blob, the first record found that names it, and how many more do."""

    code: str
    why: str
    first: _Named
    more: int = 0


class Blobs:
    """Each blob is read once, however many records name it. ``read`` counts those that were there."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: set[str] = set()
        self._wrong: dict[str, _Wrong] = {}
        self.read = 0

    async def verify(self, log: str, first: int = 0) -> None:
        """All blobs that the records of this log from ``first`` on name, and the parts of the snapshots among them."""
        async for bodies in self._source.naming(log, first):
            for some in _chunks([named for body in bodies for named in _named(log, body)]):
                parts = await self._check(some)
                for few in _chunks(parts):
                    await self._check(few)

    def findings(self) -> list[Finding]:
        """One for each blob that is wrong, with a record that names it."""
        found: list[Finding] = []
        for digest, wrong in self._wrong.items():
            first = wrong.first
            others = f" {wrong.more} more name it." if wrong.more else ""
            message = (
                f"{first.resource} (record {first.seq} of log {first.log}): expected its {first.what} as blob "
                f"{digest}, {wrong.why}.{others}"
            )
            kind: Kind = "unknown" if wrong.code == "blob.unreadable" else "finding"
            found.append(finding(wrong.code, first.log, first.seq, message, kind))
        return sorted(found, key=lambda item: (item.log, item.seq or 0, item.message))

    async def _check(self, some: Sequence[_Named]) -> list[_Named]:
        """Reads those not seen before; answers the parts that the snapshots among them name."""
        fresh: dict[str, _Named] = {}
        for named in sorted(some, key=lambda one: one.seq):
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
                self._wrong[digest] = _Wrong("blob.missing", "found none", named)
            elif (actual := sha256(body).hexdigest()) != digest:
                self._wrong[digest] = _Wrong("blob.altered", f"found bytes whose digest is {actual}", named)
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


def _named(log: str, body: bytes) -> Iterator[_Named]:
    try:
        record = msgspec.json.decode(body, type=_Record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return  # The pass over the records says so.
    for what in _Data.__struct_fields__:
        digest = getattr(record.data, what)
        if digest:
            yield _Named(digest, what, log, record.seq, record.resource)


def _chunks(named: Sequence[_Named]) -> Iterable[Sequence[_Named]]:
    return (named[start : start + AT_ONCE] for start in range(0, len(named), AT_ONCE))
