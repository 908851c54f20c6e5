"""The verification of one log, from its first record or from where an earlier verification ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence

import msgspec

from app.verification.envelope import Stretch
from app.verification.examine import examine
from app.verification.judge import Judge
from app.verification.parallel import RECORDS_PER_BLOCK, Task, examine_in_processes
from app.verification.port import Source
from app.verification.report import Finding, LogReport, finding
from app.verification.roots import Roots, Target
from app.verification.tree import Kept, judge_tree
from app.verification.trust import Trust
from manifests.merkle import Frontier, leaf_hash

PARALLEL_FROM = 50_000
"""Fewer records are read before a second process has started: at 10,000 two took half as long again as one."""


class Reading(msgspec.Struct, frozen=True):
    """How a log is read. ``progress`` is told how many of its records have been."""

    database: str
    processes: int
    thorough: bool
    progress: Callable[[str, int], None] | None


class LogVerification:
    """``origin`` is the log's name in its checkpoints; without ``trust`` no signature is checked. ``known`` is the
    edge of the tree over the records that need not be read again."""

    def __init__(
        self, log: str, source: Source, reading: Reading, origin: str, trust: Trust | None, known: Frontier
    ) -> None:
        self._log = log
        self._source = source
        self._reading = reading
        self._origin = origin
        self._trust = trust
        self._known = known
        self._judge = Judge(log, known.size)

    async def verify(self, checkpoints: Sequence[Target], anchors: Sequence[Target]) -> tuple[LogReport, list[Finding]]:
        """``checkpoints`` are those stored of the known size and above."""
        judge, log = self._judge, self._log
        targets = [*checkpoints, *anchors]
        roots = Roots(judge, self._trust, self._origin, targets, self._known, thorough=self._reading.thorough)
        async for stretch in self._stretches():
            await self._join(stretch)
            judge.take(stretch)
            roots.take(stretch)
            if self._reading.progress is not None:
                self._reading.progress(log, stretch.next_seq)
        frontier = roots.finish()
        roots.judge_signers()
        judge.strangers(await self._source.strangers(log))
        judge.finish()
        newest = checkpoints[-1].size if checkpoints else 0
        self._newest(newest)
        self._head(await self._source.head(log), frontier, exact=roots.last_good == frontier.size)
        touched: Collection[str] | None = judge.ends if self._known.size else None
        if not self._truncated():
            judge.trace_heads(await self._source.trace_heads(log, touched))
        await self._tree(roots, frontier.size)
        report = LogReport(
            log, frontier.size, len(checkpoints), roots.signatures, frontier.root().hex(), self._known.size,
            frontier.to_bytes().hex(), newest == frontier.size == judge.next_seq,
        )  # fmt: skip
        return report, judge.findings

    async def _stretches(self) -> AsyncIterator[Stretch]:
        source, log, reading = self._source, self._log, self._reading
        first = self._known.size
        if reading.processes > 1:
            # Counted, as the greatest number may be one that somebody made up.
            stop = await source.count(log)
            if stop - first >= PARALLEL_FROM:
                task = Task(reading.database, await source.share(), log, first, stop, reading.thorough)
                async for stretch in examine_in_processes(task, reading.processes, source):
                    yield stretch
                first = stop
        ask = first
        while rows := await source.records_from(log, ask, RECORDS_PER_BLOCK):
            stretch = examine(log, first, rows, thorough=reading.thorough)
            first = stretch.next_seq
            ask = max(first, int(rows[-1][0]) + 1)
            yield stretch

    async def _join(self, stretch: Stretch) -> None:
        """Where traces go on from records that are not read again, these are read for their hashes."""
        places = self._judge.unknown(stretch)
        if not places:
            return
        for (trace, tseq), (seq, body) in (await self._source.bodies(self._log, places)).items():
            if seq < self._judge.first:
                self._judge.ends[trace] = (tseq, leaf_hash(body).hex())

    async def _tree(self, roots: Roots, size: int) -> None:
        stored = await self._source.tree_hashes(self._log, self._known.size)
        altered = any(item.kind == "finding" for item in self._judge.findings)
        until = roots.last_good if altered else size
        whole = self._judge.whole and not self._truncated()
        judge_tree(self._judge, stored, roots.subtrees, Kept(self._known.size, until, size, whole))

    def _newest(self, signed: int) -> None:
        if signed < self._judge.next_seq:
            message = (
                f"log {self._log}: expected a checkpoint for its {self._judge.next_seq} records, the newest is "
                f"for {signed}: nothing vouches for those after it."
            )
            self._judge.add("audit.checkpoint_missing", signed, message)

    def _head(self, head: tuple[int, bytes, int] | None, frontier: Frontier, *, exact: bool) -> None:
        have, judge = self._judge.next_seq, self._judge
        if self._truncated():
            return
        size = head[0] if head else 0
        if size > have:
            message = f"log {self._log}: truncated: its head says {size} records, records end at {have}."
            judge.add("audit.truncated", have, message)
        elif size != have:
            message = f"log {self._log}: head altered: it says {size} records, found {have}."
            judge.add("audit.head_altered", None, message)
        elif head and exact and self._differs(head, frontier):
            what = "tree's edge" if bytes(head[1]) != frontier.to_bytes() else "last instant"
            message = f"log {self._log}: head altered: its {what} is not that of its records."
            judge.add("audit.head_altered", None, message)

    def _differs(self, head: tuple[int, bytes, int], frontier: Frontier) -> bool:
        # The latest instant may be of a record that was not read again.
        at_fits = head[2] >= self._judge.last_at if self._known.size else head[2] == self._judge.last_at
        return bytes(head[1]) != frontier.to_bytes() or not at_fits

    def _truncated(self) -> bool:
        return any(item.code == "audit.truncated" for item in self._judge.findings)


def not_verified(code: str, log: str, message: str) -> Finding:
    """What could not be found out about a log."""
    return finding(code, log, None, f"log {log}: {message}", "unknown")
