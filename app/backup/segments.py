"""Records as the segments in WORM storage hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.backup.errors import BackupError
from app.sinks.model import Sink, Stored
from app.sinks.segments import decode
from app.sinks.worm import WormSink
from integrations.errors import NeighbourError


async def bodies(sinks: Iterable[Sink], log: str, first: int, end: int) -> list[bytes]:
    """The records from ``first`` on, up to ``end`` (not included) or to the first that no segment holds.

    Nothing about them is verified. Raises BackupError for a place that cannot be read.
    """
    found: list[bytes] = []
    for sink in sinks:
        if not isinstance(sink.segments, WormSink) or first + len(found) >= end:
            continue
        try:
            found += await _of(sink.segments, log, first + len(found), end)
        except NeighbourError as error:
            raise BackupError(f"expected the segments of log {log} in {sink.name}, found: {error}") from error
    return found


async def _of(sink: WormSink, log: str, first: int, end: int) -> list[bytes]:
    found: list[bytes] = []
    # A segment may begin before the first record that is wanted.
    after = max(0, first - sink.limits.records)
    while segments := await sink.stored(log, after):
        for segment in sorted(segments):
            wanted = first + len(found)
            if segment.first <= wanted < segment.end and wanted < end:
                found += (await _read(sink, log, segment))[wanted - segment.first :]
        after = max(segment.first for segment in segments) + 1
        if first + len(found) < after or first + len(found) >= end:
            break
    return found[: end - first]


async def _read(sink: WormSink, log: str, segment: Stored) -> Sequence[bytes]:
    try:
        found = list(decode(await sink.segment(log, segment)))
    except ValueError as error:
        raise BackupError(f"expected records in segment {segment.first} of log {log}, found: {error}") from error
    if len(found) != segment.end - segment.first:
        raise BackupError(
            f"expected {segment.end - segment.first} records in segment {segment.first} of log {log}, "
            f"found {len(found)}"
        )
    return found
