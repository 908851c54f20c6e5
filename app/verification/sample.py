"""Verify some records of a log, chosen by chance, and the whole upper tree: in milliseconds, however long the log is.

Of each record: its hash, its columns and its link to the record before. Of some of their tiles: that the hashes beside
all records make the tile's kept root. Of the tree: that the kept roots make the root that was signed last.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from app.verification import rows as slow
from app.verification.examine import sealed_columns
from app.verification.judge import NOTHING, Judge
from app.verification.log import not_verified
from app.verification.port import LinkedRow, Source
from app.verification.report import Finding, LogReport, Report
from app.verification.source import open_source
from app.verification.tree import Kept, judge_tree
from app.verification.trust import Key, Trust, trust_of
from manifests import key_history, strict_base64
from manifests.errors import ManifestError
from manifests.merkle import TILE_WIDTH, Frontier, Subtree, leaf_hash, root

RECORDS = 1000
TILES = 8


def sample(
    database: str, keys: Sequence[Key], logs: Sequence[str] | None = None, *, choose: random.Random,
    records: int = RECORDS,
) -> Report:  # fmt: skip
    """Look at ``records`` of each log (all logs by default). Blocks. Raises DatabaseUnavailableError."""
    return asyncio.run(_sample(database, keys, logs, choose, records))


async def _sample(
    database: str, keys: Sequence[Key], logs: Sequence[str] | None, choose: random.Random, records: int
) -> Report:
    reports: list[LogReport] = []
    findings: list[Finding] = []
    looked = 0
    async with open_source(database) as source:
        for log in await source.logs() if logs is None else logs:
            one = _Sample(log, source, choose)
            reports.append(await one.verify(keys, records))
            findings += one.findings
            looked += one.looked
    return Report(tuple(reports), tuple(findings), thorough=False, sampled=looked)


class _Sample:
    def __init__(self, log: str, source: Source, choose: random.Random) -> None:
        self._log = log
        self._source = source
        self._choose = choose
        self._judge = Judge(log)
        self.findings = self._judge.findings
        self.looked = 0

    async def verify(self, keys: Sequence[Key], records: int) -> LogReport:
        log, source = self._log, self._source
        newest = await source.newest_checkpoint(log)
        if newest is None:
            self.findings.append(not_verified("audit.no_such_log", log, "expected a checkpoint, found none."))
            return LogReport(log, 0, 0, 0, "")
        size, note = newest
        _, trust = await trust_of(source, log, keys, note.partition("\n")[0], self.findings)
        signed = self._signed(size, note, trust)
        await self._head(size)
        chosen = sorted(self._choose.sample(range(size), min(records, size)))
        await self._records(chosen)
        await self._tree(size, signed, chosen)
        self.looked = len(chosen)
        return LogReport(log, size, 1, 1 if trust is not None else 0, signed.hex())

    def _signed(self, size: int, note: str, trust: Trust | None) -> bytes:
        """The root that was signed; nothing, and a finding, if none was."""
        if trust is None:
            why = "expected a verifier key, found none: who signed it is unknown."
            self.findings.append(not_verified("audit.unauthenticated", self._log, why))
            return b""
        try:
            found = key_history.judge(trust.history, note.encode())
        except ManifestError as error:
            problem = error.problems[0].message.rstrip(".")
        else:
            known = found.by & {key.fingerprint for key in trust.given}
            if known and not found.taken_back and found.checkpoint.size == size:
                return found.checkpoint.root
            problem = "it is not signed for this size by a given key"
        message = f"checkpoint {size} of log {self._log}: altered: {problem}."
        self._judge.add("audit.checkpoint_altered", None, message)
        return b""

    async def _head(self, size: int) -> None:
        head = await self._source.head(self._log)
        said = head[0] if head else 0
        if said != size:
            message = f"log {self._log}: head altered: it says {said} records, the newest checkpoint {size}."
            self._judge.add("audit.head_altered", None, message)

    async def _records(self, chosen: Sequence[int]) -> None:
        rows = await self._source.records_at(self._log, chosen)
        there = {row[0] for row in rows}
        for seq in chosen:
            if seq not in there:
                self._judge.add("audit.removed", seq, f"record {seq} of log {self._log}: removed: found none.")
        if rows and not _right(self._log, rows):
            for row in rows:
                self._one(row)
            self._judge.settle("body_or_leaf")
            self._judge.finish()

    def _one(self, row: LinkedRow) -> None:
        stretch = slow.examine(self._log, row[0], [row[:8]], thorough=True)
        if stretch.odd:
            # Under altered columns the record before was not looked for where it is.
            stretch.edges.clear()
        for edge in stretch.edges:
            before = row[8]
            self._judge.ends[edge[0]] = NOTHING if before is None else (edge[2] - 1, leaf_hash(bytes(before)).hex())
        self._judge.take(stretch)

    async def _tree(self, size: int, signed: bytes, chosen: Sequence[int]) -> None:
        """The kept roots, up to the one that was signed, and some tiles down to the hashes beside the records."""
        tiles, log = size // TILE_WIDTH, self._log
        stored = await self._source.tree_hashes(log, 0)
        kept = {position: bytes(node) for level, position, node in stored if level == 1 and isinstance(position, int)}
        missing = [Subtree(1, number, b"") for number in range(tiles) if number not in kept]
        if missing:
            judge_tree(self._judge, stored, missing, Kept(0, size, size, whole=True))
            return
        frontier = Frontier()
        upper = frontier.extend([kept[number] for number in range(tiles)], 1)
        # Of level 1 nothing is recomputed here: what is kept must bear itself out by the signed root.
        judge_tree(self._judge, stored, upper, Kept(0, size, size, whole=True))
        frontier.extend(await self._source.leaves(log, tiles * TILE_WIDTH, size))
        if signed and (frontier.size, frontier.root()) != (size, signed):
            message = (
                f"log {log}: altered: the tree that is kept has root {strict_base64.encode(frontier.root())}, which is "
                f"not the root that was signed for {size} records; `audit verify --full` finds where."
            )
            self._judge.add("audit.root", None, message)
        whole = sorted({seq // TILE_WIDTH for seq in chosen if seq // TILE_WIDTH < tiles})
        for number in self._choose.sample(whole, min(TILES, len(whole))):
            await self._tile(number, kept[number])

    async def _tile(self, number: int, kept: bytes) -> None:
        first = number * TILE_WIDTH
        leaves = await self._source.leaves(self._log, first, first + TILE_WIDTH)
        if len(leaves) != TILE_WIDTH or root(leaves) != kept:
            which = f"records {first} to {first + TILE_WIDTH - 1} of log {self._log}"
            message = f"{which}: altered: the hashes beside them do not make tree hash {number} of level 1."
            self._judge.add("audit.root", first, message)


def _right(log: str, rows: Sequence[LinkedRow]) -> bool:
    columns = sealed_columns(log, [row[:8] for row in rows], thorough=False)
    if columns is None:
        return False
    ends = [NOTHING if row[8] is None else (row[4] - 1, leaf_hash(bytes(row[8])).hex()) for row in rows]
    return ends == [(tseq - 1, prev) for tseq, prev in zip(columns.tseqs, columns.prevs, strict=True)]
