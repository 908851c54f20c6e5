"""Hold a backup's logs against the checkpoints outside: what was recorded after it was made?"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from app.backup.errors import BackupError
from app.sinks.model import Sink
from integrations.errors import NeighbourError
from manifests import checkpoint
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.key_history import KeyHistory
from manifests.merkle import Frontier

LEAVES_AT_ONCE = 16_384

_LEAVES = "SELECT leaf FROM records WHERE log = ? AND seq >= ? AND seq < ? ORDER BY seq"
_LOGS = "SELECT log, size FROM log_heads WHERE size > 0 ORDER BY log"

Histories = Callable[[str], KeyHistory]
"""By log, which key may sign which size."""


class Vouched(NamedTuple):
    """A checkpoint outside that our key signed; ``where`` names it to people."""

    found: Checkpoint
    note: bytes
    where: str


class Gap(NamedTuple):
    """A log of which ``have`` records are in the backup and more are vouched for outside; ``newer`` are the
    checkpoints over more, smallest first. ``forked``: a checkpoint over what the backup has is of another tree.
    ``seen``: so many a witness saw (``by``), of which nothing but their number is known."""

    log: str
    have: int
    newer: tuple[Vouched, ...]
    forked: str = ""
    seen: int = 0
    by: str = ""

    @property
    def size(self) -> int:
        return max(self.newer[-1].found.size if self.newer else self.have, self.seen)

    @property
    def note(self) -> str:
        """The newest checkpoint outside; nothing where only a witness knows more."""
        return self.newer[-1].note.decode() if self.newer else ""

    def __str__(self) -> str:
        if self.forked:
            return f"log {self.log}: {self.forked} vouches for another history than the backup's: one is forged."
        vouches = f"{self.by}, a witness, saw" if self.seen else f"{self.newer[-1].where} vouches for"
        return (
            f"log {self.log}: the backup has {self.have} records, {vouches} {self.size}: "
            f"{self.size - self.have} are missing."
        )


def sizes(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute(_LOGS).fetchall())


async def compare(
    connection: sqlite3.Connection,
    sinks: Iterable[Sink],
    logs: Iterable[str],
    histories: Histories,
    kept: Sequence[bytes],
) -> list[Gap]:
    """``logs`` besides those in the backup, which may have none of theirs; ``kept`` are notes that people kept.

    Raises BackupError for a place that cannot be read: what it would say is not known.
    """
    there = sizes(connection)
    sinks = [sink for sink in sinks if sink.anchors is not None]
    found = []
    for log in sorted({*there, *logs}):
        anchors = [Vouched(*_signed(note, log, histories), "a kept checkpoint") for note in kept if _of(note, log)]
        for sink in sinks:
            anchors += await _newest(sink, log, histories)
        gap = _gap(connection, log, there.get(log, 0), sorted(anchors, key=lambda one: one.found.size))
        if gap is not None:
            found.append(gap)
    return found


async def _newest(sink: Sink, log: str, histories: Histories) -> list[Vouched]:
    """What others may have put there proves nothing."""
    assert sink.anchors is not None
    try:
        anchors = await sink.anchors.newest(log, "")
    except NeighbourError as error:
        raise BackupError(
            f"expected to compare the backup with the checkpoints in {sink.name}, found: {error} Without them nobody "
            "knows what is missing: mend that first"
        ) from error
    found = []
    for anchor in anchors:
        try:
            found.append(Vouched(*_signed(anchor.note, log, histories), f"{sink.name} ({anchor.where})"))
        except ManifestError:
            continue
    return found


def _signed(note: bytes, log: str, histories: Histories) -> tuple[Checkpoint, bytes]:
    history = histories(log)
    keys = history.acceptable(checkpoint.parse(note)[0].size)
    return checkpoint.verify(note, history.origin, keys), note


def _of(note: bytes, log: str) -> bool:
    return checkpoint.parse(note)[0].origin.rpartition("/")[2] == log


def _gap(connection: sqlite3.Connection, log: str, have: int, anchors: Sequence[Vouched]) -> Gap | None:
    frontier = Frontier()
    for one in anchors:
        if one.found.size > have:
            break
        while frontier.size < one.found.size:
            end = min(one.found.size, frontier.size + LEAVES_AT_ONCE)
            leaves = connection.execute(_LEAVES, (log, frontier.size, end)).fetchall()
            if not leaves:
                break
            frontier.extend(bytes(leaf) for (leaf,) in leaves)
        if frontier.root() != one.found.root:
            return Gap(log, have, (), one.where)
    newer = tuple(one for one in anchors if one.found.size > have)
    return Gap(log, have, newer) if newer else None
