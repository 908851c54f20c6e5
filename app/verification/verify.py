"""Verify whole logs: every record, link, number, column, tree root, head and signature.

It reads through its own connection and needs nothing from the running service but its files. What it cannot
see is a state that was taken back together with its heads and checkpoints: that shows only against an anchor,
a checkpoint that was kept elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from app.clock import SECOND, Clock
from app.verification.blobs import Blobs
from app.verification.examine import Stretch, examine
from app.verification.judge import Judge
from app.verification.parallel import examine_in_processes
from app.verification.report import Finding, LogReport, Report, finding
from app.verification.roots import Roots, Target
from app.verification.source import Source, SqliteSource, open_source
from manifests import checkpoint
from manifests.errors import ManifestError
from manifests.keys import PublicKey
from manifests.merkle import Frontier
from manifests.note import VerifierKey
from manifests.record import Draft

Key = VerifierKey | PublicKey
Progress = Callable[[str, int], None]
"""Told the log and how many of its records have been read."""

PARALLEL_FROM = 50_000
"""Fewer records are read before a second process has started."""

STAGED_FOR_S = 60


class Anchor(msgspec.Struct, frozen=True):
    """A checkpoint from elsewhere; ``name`` (a file, a topic) is how findings call it."""

    name: str
    note: bytes


def verify(
    database: str,
    keys: Sequence[Key],
    logs: Sequence[str] | None = None,
    *,
    clock: Clock,
    anchors: Sequence[Anchor] = (),
    thorough: bool = False,
    blobs: bool = True,
    processes: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Verify ``logs`` (all by default) of the database at this address. Blocks: call it on a thread of its own.

    A key without a name is taken for every log. ``thorough`` also checks the canonical form of every record and
    every signature, not only the newest and a spread of others; the newest vouches for all records. ``blobs`` also
    reads every blob that a decision or grant names, after the records.
    Raises DatabaseUnavailableError when nothing could be read.
    """
    return asyncio.run(
        _verify(database, _Options(tuple(keys), tuple(anchors), thorough, blobs, processes, progress), logs, clock)
    )


class _Options(msgspec.Struct, frozen=True):
    keys: tuple[Key, ...]
    anchors: tuple[Anchor, ...]
    thorough: bool
    blobs: bool
    processes: int
    progress: Progress | None


async def _verify(database: str, options: _Options, logs: Sequence[str] | None, clock: Clock) -> Report:
    reports: list[LogReport] = []
    findings: list[Finding] = []
    async with open_source(database) as source:
        stored = await source.logs()
        anchors = _by_log(options.anchors, findings)
        wanted = sorted({*stored, *anchors}) if logs is None else list(logs)
        for log in wanted:
            report, found = await _Log(log, source, options, anchors.get(log, ())).verify()
            reports.append(report)
            findings += found
        findings += await _leftovers(source, clock())
        blobs = Blobs(source)
        for log in wanted if options.blobs else ():
            await blobs.verify(log)
        findings += blobs.findings()
    return Report(tuple(reports), tuple(findings), options.thorough, blobs.read if options.blobs else None)


class _Log:
    """The verification of one log."""

    def __init__(self, log: str, source: Source, options: _Options, anchors: Sequence[Target]) -> None:
        self._log = log
        self._source = source
        self._options = options
        self._anchors = anchors
        self._judge = Judge(log)

    async def verify(self) -> tuple[LogReport, list[Finding]]:
        checkpoints = [Target(size, note) for size, note in await self._source.checkpoints(self._log)]
        origin, keys = _origin(self._log, self._options.keys, [*self._anchors, *checkpoints])
        anchors = [anchor for anchor in self._anchors if self._vouches(anchor, origin, keys)]
        roots = Roots(self._judge, origin, keys, [*checkpoints, *anchors], thorough=self._options.thorough)
        async for stretch in self._stretches():
            self._judge.take(stretch)
            roots.take(stretch.leaves)
            if self._options.progress is not None:
                self._options.progress(self._log, stretch.next_seq)
        frontier = roots.finish()
        self._judge.strangers(await self._source.strangers(self._log))
        self._judge.finish()
        self._newest(checkpoints)
        self._head(await self._source.head(self._log), frontier, exact=roots.last_good == frontier.size)
        self._judge.trace_heads(await self._source.trace_heads(self._log))
        if not frontier.size and not self._judge.findings:
            self._unknown("audit.no_such_log", "expected records, found none.")
        elif not keys:
            self._unknown("audit.unauthenticated", "expected a verifier key, found none: who signed it is unknown.")
        report = LogReport(self._log, frontier.size, len(checkpoints), roots.signatures, frontier.root().hex())
        return report, self._judge.findings

    async def _stretches(self) -> AsyncIterator[Stretch]:
        source, log, options = self._source, self._log, self._options
        if isinstance(source, SqliteSource) and options.processes > 1:
            size = source.next_seq(log)
            if size >= PARALLEL_FROM:
                for stretch in examine_in_processes(
                    source.path, log, size, options.processes, thorough=options.thorough
                ):
                    yield stretch
                return
        seq = 0
        async for rows in source.records(log):
            stretch = examine(log, seq, rows, thorough=options.thorough)
            seq = stretch.next_seq
            yield stretch

    def _newest(self, checkpoints: Sequence[Target]) -> None:
        signed = checkpoints[-1].size if checkpoints else 0
        if signed < self._judge.next_seq:
            message = (
                f"log {self._log}: expected a checkpoint for its {self._judge.next_seq} records, the newest is "
                f"for {signed}: nothing vouches for those after it."
            )
            self._judge.add("audit.checkpoint_missing", signed, message)

    def _head(self, head: tuple[int, bytes, int] | None, frontier: Frontier, *, exact: bool) -> None:
        have, judge = self._judge.next_seq, self._judge
        if any(item.code == "audit.truncated" for item in judge.findings):
            return
        size = head[0] if head else 0
        if size > have:
            message = f"log {self._log}: truncated: its head says {size} records, records end at {have}."
            judge.add("audit.truncated", have, message)
        elif size != have:
            message = f"log {self._log}: head altered: it says {size} records, found {have}."
            judge.add("audit.head_altered", None, message)
        elif head and exact and (bytes(head[1]), head[2]) != (frontier.to_bytes(), judge.last_at):
            what = "tree's edge" if bytes(head[1]) != frontier.to_bytes() else "last instant"
            message = f"log {self._log}: head altered: its {what} is not that of its records."
            judge.add("audit.head_altered", None, message)

    def _vouches(self, anchor: Target, origin: str, keys: Sequence[VerifierKey]) -> bool:
        """Whether an anchor is signed for this log; one that is not is told and left out."""
        try:
            if keys:
                checkpoint.verify(anchor.note.encode(), origin, keys)
        except ManifestError as error:
            self._judge.findings.append(_unusable(anchor.anchor, self._log, str(error)))
            return False
        return True

    def _unknown(self, code: str, message: str) -> None:
        self._judge.findings.append(finding(code, self._log, None, f"log {self._log}: {message}", "unknown"))


def _origin(log: str, keys: Sequence[Key], checkpoints: Sequence[Target]) -> tuple[str, list[VerifierKey]]:
    """The name that the log signs with, and the keys that may. A named key settles the name."""
    named = [key for key in keys if isinstance(key, VerifierKey) and key.name.rpartition("/")[2] == log]
    plain = [key for key in keys if isinstance(key, PublicKey)]
    origin = named[0].name if named else _claimed(log, checkpoints)
    usable = [key for key in named if key.name == origin]
    return origin, usable + [VerifierKey(origin, key) for key in plain]


def _claimed(log: str, checkpoints: Sequence[Target]) -> str:
    """The newest checkpoint's own word, if it ends like this log's name."""
    claimed = checkpoints[-1].note.partition("\n")[0] if checkpoints else log
    return claimed if claimed.rpartition("/")[2] == log else log


def _by_log(anchors: Sequence[Anchor], findings: list[Finding]) -> dict[str, list[Target]]:
    found: dict[str, list[Target]] = {}
    for anchor in anchors:
        try:
            parsed, _ = checkpoint.parse(anchor.note)
        except ManifestError as error:
            findings.append(_unusable(anchor.name, "", str(error)))
            continue
        log = parsed.origin.rpartition("/")[2]
        found.setdefault(log, []).append(Target(parsed.size, anchor.note.decode(), anchor.name))
    return found


def _unusable(name: str, log: str, why: str) -> Finding:
    message = f"{name}: expected a checkpoint of a log here: {why}"
    return finding("audit.anchor_unreadable", log, None, message, "unknown")


async def _leftovers(source: Source, now: int) -> list[Finding]:
    """Records that were staged and that nobody has numbered for a minute."""
    found: list[Finding] = []
    for log, draft in await source.staged():
        age = (now - msgspec.json.decode(draft, type=Draft).ts) // SECOND
        if age > STAGED_FOR_S:
            message = f"log {log}: a record staged {age} s ago has no number yet."
            found.append(finding("audit.staged_leftover", log, None, message, "note"))
    return found
