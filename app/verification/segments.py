"""Verify the copies in WORM storage: that every segment is what its receipt in the log says, and none is missing.

Whole objects are hashed, which is ten times as fast as reading records. What the receipts themselves are worth is told
by the verification of the log, whose records they are.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from app.sinks.records import Delivered, resource
from app.verification.port import Source
from app.verification.report import Finding, Kind, LogReport, Report, finding
from app.verification.source import open_source
from integrations.errors import NotFoundError
from integrations.objectlock.port import WormStore
from manifests.merkle import leaf_hash

SLICE = 1 << 20
THREADS = 2
AT_ONCE = 16

Digest = Callable[[Delivered], Awaitable[str]]
"""SHA-256 (hex) of the object that a receipt speaks of; nothing where there is none."""

Receipts = Mapping[str, Sequence[Delivered]]
"""By the sink that gave them, in the order of the log."""


def verify_folder(database: str, folder: Path, logs: Sequence[str] | None = None, *, sink: str = "") -> Report:
    """Hold the objects under ``folder``, as the local sink or a copy of a bucket has them, against the receipts of
    ``sink``: by default of that whose objects are there. Blocks. Raises DatabaseUnavailableError."""
    return asyncio.run(_verify_folder(database, folder, logs, sink))


async def verify_store(database: str, store: WormStore, sink: str, logs: Sequence[str] | None = None) -> Report:
    """The same for a bucket: every object is read by its version. Raises NeighbourError, DatabaseUnavailableError."""

    async def digest(receipt: Delivered) -> str:
        try:
            held = await store.read(receipt.key, receipt.version)
        except NotFoundError:
            return ""
        return await asyncio.to_thread(lambda: hashlib.sha256(held.data).hexdigest())

    async with open_source(database) as source:
        return await _verify(source, logs, lambda receipts: sink, digest, lambda log: [])


async def _verify_folder(database: str, folder: Path, logs: Sequence[str] | None, sink: str) -> Report:
    def chosen(receipts: Receipts) -> str:
        return sink or max(receipts, key=lambda one: sum(_place(folder, it) is not None for it in receipts[one]))

    def names(log: str) -> list[str]:
        return sorted(f"{log}/segment/{path.name.partition('@')[0]}" for path in (folder / log / "segment").glob("*"))

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS) as pool:

        async def digest(receipt: Delivered) -> str:
            place = _place(folder, receipt)
            return await loop.run_in_executor(pool, _hashed, place) if place is not None else ""

        async with open_source(database) as source:
            return await _verify(source, logs, chosen, digest, names)


async def _verify(
    source: Source,
    logs: Sequence[str] | None,
    chosen: Callable[[Receipts], str],
    digest: Digest,
    names: Callable[[str], Sequence[str]],
) -> Report:
    reports: list[LogReport] = []
    findings: list[Finding] = []
    objects = 0
    for log in await source.logs() if logs is None else logs:
        one = _Segments(log)
        receipts = one.read(await source.receipts(log))
        head = await source.head(log)
        mine = receipts.get(chosen(receipts), ()) if receipts else ()
        if not mine and head is not None and logs is not None:
            one.add("segment.no_receipt", None, "expected receipts of a sink, found none.", "unknown")
        await one.hash(mine, digest)
        one.cover(mine, head[0] if head else 0)
        one.strange(mine, names(log))
        reports.append(LogReport(log, max((it.end for it in mine), default=0), 0, 0, ""))
        findings += one.findings
        objects += len(mine)
    return Report(tuple(reports), tuple(findings), thorough=False, segments=objects)


class _Segments:
    """The segments of one log."""

    def __init__(self, log: str) -> None:
        self._log = log
        self.findings: list[Finding] = []

    def add(self, code: str, seq: int | None, message: str, kind: Kind = "finding") -> None:
        self.findings.append(finding(code, self._log, seq, f"log {self._log}: {message}", kind))

    def read(self, rows: Sequence[tuple[bytes, bytes]]) -> Receipts:
        found: dict[str, list[Delivered]] = {}
        for body, leaf in rows:
            try:
                said = msgspec.json.decode(body, type=_Said)
            except (msgspec.MsgspecError, UnicodeError):
                said = None
            if said is None or leaf_hash(body) != leaf or not said.resource.startswith(resource("")):
                which = f"receipt {said.seq}" if said is not None else "a receipt"
                self.add("segment.receipt_altered", said.seq if said else None, f"{which} is not what was recorded.")
            else:
                found.setdefault(said.resource.removeprefix(resource("")), []).append(said.data)
        return found

    async def hash(self, receipts: Sequence[Delivered], digest: Digest) -> None:
        """Whether each object is there and is what was stored."""
        for start in range(0, len(receipts), AT_ONCE):
            some = receipts[start : start + AT_ONCE]
            for receipt, actual in zip(some, await asyncio.gather(*map(digest, some)), strict=True):
                which = (
                    f"segment {receipt.key} (records {receipt.first} to {receipt.end - 1}, version {receipt.version})"
                )
                if not actual:
                    self.add("segment.missing", receipt.first, f"{which}: missing: found no such object.")
                elif actual != receipt.sha256:
                    why = f"expected SHA-256 {receipt.sha256}, found {actual}"
                    self.add("segment.altered", receipt.first, f"{which}: altered: {why}.")

    def cover(self, receipts: Sequence[Delivered], size: int) -> None:
        """Whether each record is in exactly one segment, but for those that wait to be."""
        end = 0
        for receipt in sorted(set(receipts), key=lambda one: (one.first, one.end)):
            if receipt.first > end:
                message = f"records {end} to {receipt.first - 1} are in no segment: uncovered."
                self.add("segment.uncovered", end, message)
            elif receipt.first < end:
                last = min(end, receipt.end) - 1
                message = (
                    f"records {receipt.first} to {last} are in more than one segment: overlapping ({receipt.key})."
                )
                self.add("segment.overlap", receipt.first, message)
            end = max(end, receipt.end)
        if receipts and end < size:
            self.add("segment.waiting", end, f"records {end} to {size - 1} are in no segment yet.", "note")

    def strange(self, receipts: Sequence[Delivered], names: Sequence[str]) -> None:
        known = {receipt.key for receipt in receipts}
        for name in names:
            if name not in known:
                self.add("segment.unknown", None, f"object {name}: no receipt speaks of it.", "note")


class _Said(msgspec.Struct, frozen=True):
    seq: int
    resource: str
    data: Delivered


def _place(folder: Path, receipt: Delivered) -> Path | None:
    """The file of an object: with its version beside its name, or as copied from a bucket."""
    for name in (f"{receipt.key}@{receipt.version}", receipt.key):
        path = folder / name
        # A key is what a record says; none leads out of the folder.
        if ".." not in path.parts and path.is_relative_to(folder) and path.is_file():
            return path
    return None


def _hashed(path: Path) -> str:
    """Read and hashed without the interpreter's lock."""
    digest = hashlib.sha256()
    buffer = bytearray(SLICE)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            digest.update(view[:size])
    return digest.hexdigest()
