"""Verify whole logs: every record, link, number, column, tree root, head and signature.

It reads through its own connection and needs nothing from the running service but its files. What it cannot
see is a state that was taken back together with its heads and checkpoints: that shows only against an anchor,
a checkpoint that was kept elsewhere.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from app.clock import SECOND, Clock
from app.verification.baseline import baseline_of
from app.verification.blobs import SYSTEM, Blobs
from app.verification.log import LogVerification, Reading, not_verified
from app.verification.port import Source
from app.verification.report import Finding, LogReport, Report, finding
from app.verification.roots import Target
from app.verification.source import open_source
from app.verification.trust import Key, Trust, trust_of
from manifests import checkpoint, key_history
from manifests.errors import ManifestError
from manifests.merkle import Frontier
from manifests.record import Draft

__all__ = ["Anchor", "Key", "verify"]

Progress = Callable[[str, int], None]
"""Told the log and how many of its records have been read."""

STAGED_FOR_S = 60
OVERLAP = 3600 * SECOND
"""Clocks of replicas differ, and a transaction may commit long after it looked at its own."""


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
    incremental: bool = False,
    whole: Collection[str] = (),
    processes: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Verify ``logs`` (all by default) of the database at this address. Blocks: call it on a thread of its own.

    A key without a name is taken for every log. ``thorough`` also checks the canonical form of every record and
    every signature, not only the newest and a spread of others; the newest vouches for all records. ``blobs`` also
    reads every blob that a decision or grant names, after the records, and then, unless ``logs`` are given, all others.
    ``incremental`` begins where the service's last verification ended, if a signed checkpoint bears out what it left;
    logs in ``whole`` are read from their first record, and all blobs with the system log.
    Raises DatabaseUnavailableError when nothing could be read.
    """
    reading = Reading(database, processes, thorough, progress)
    options = _Options(reading, tuple(keys), tuple(anchors), blobs, incremental, frozenset(whole))
    with _collecting_nothing():
        return asyncio.run(_verify(options, logs, clock))


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Nothing here makes circles, and looking for them among so many rows takes longer than checking these."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Options(msgspec.Struct, frozen=True):
    reading: Reading
    keys: tuple[Key, ...]
    anchors: tuple[Anchor, ...]
    blobs: bool
    incremental: bool
    whole: frozenset[str]


async def _verify(options: _Options, logs: Sequence[str] | None, clock: Clock) -> Report:
    reports: list[LogReport] = []
    findings: list[Finding] = []
    async with open_source(options.reading.database) as source:
        stored = await source.logs()
        anchors = _by_log(options.anchors, findings)
        wanted = sorted({*stored, *anchors}) if logs is None else list(logs)
        for log in wanted:
            report, found = await _verify_log(source, options, log, anchors.get(log, ()))
            reports.append(report)
            findings += found
        findings += await _leftovers(source, clock())
        blobs = Blobs(source)
        for report in reports if options.blobs else ():
            await blobs.verify(report.log, report.first)
        if options.blobs and logs is None:
            await blobs.verify_all(await _since(source, reports))
        findings += await blobs.findings()
    read = blobs.read if options.blobs else None
    return Report(tuple(reports), tuple(findings), options.reading.thorough, read, outside=blobs.outside)


async def _since(source: Source, reports: Sequence[LogReport]) -> int:
    """From when on blobs have not been hashed by a run before this one (microseconds since 1970 UTC).

    The system log has a record of every run, so it goes on where the last run ended; its newest record of then is
    older than what that run did not see.
    """
    first = next((report.first for report in reports if report.log == SYSTEM), 0)
    rows = await source.records(SYSTEM, first - 1, first) if first else ()
    at = rows[0][7] if rows else 0
    # Whoever can write the database can write anything there.
    return at - OVERLAP if isinstance(at, int) else 0


async def _verify_log(
    source: Source, options: _Options, log: str, given: Sequence[Target]
) -> tuple[LogReport, list[Finding]]:
    newest = await source.newest_checkpoint(log)
    claiming = newest[1] if newest else given[-1].note if given else ""
    findings: list[Finding] = []
    origin, trust = await trust_of(source, log, options.keys, claiming.partition("\n")[0], findings)
    anchors = [anchor for anchor in given if _vouches(anchor, log, trust, findings)]
    known = Frontier()
    if options.incremental and log not in options.whole and trust is not None:
        known = await baseline_of(source, log, trust, findings)
        if any(anchor.size < known.size for anchor in anchors):
            known = Frontier()
    checkpoints = [Target(size, note) for size, note in await source.checkpoints(log, known.size)]
    verification = LogVerification(log, source, options.reading, origin, trust, known)
    report, found = await verification.verify(checkpoints, anchors)
    findings += found
    if not report.records and not findings:
        findings.append(not_verified("audit.no_such_log", log, "expected records, found none."))
    elif trust is None:
        why = "expected a verifier key, found none: who signed it is unknown."
        findings.append(not_verified("audit.unauthenticated", log, why))
    return report, findings


def _vouches(anchor: Target, log: str, trust: Trust | None, findings: list[Finding]) -> bool:
    """Whether an anchor is signed for this log; one that is not is told and left out."""
    try:
        if trust is not None and key_history.judge(trust.history, anchor.note.encode()).taken_back:
            why = "expected a signature that counts, found only ones of keys revoked from below this size on."
            findings.append(_unusable(anchor.anchor, log, why))
            return False
    except ManifestError as error:
        findings.append(_unusable(anchor.anchor, log, str(error)))
        return False
    return True


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
