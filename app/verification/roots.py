"""Whether the tree over a log's records has the root of every signed checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.verification.judge import Judge
from manifests import checkpoint, strict_base64
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.merkle import Frontier
from manifests.note import VerifierKey

SIGNATURES = 256
"""How many signatures are checked unless all are asked for: evenly spread, always the newest, whose signature
alone vouches for every record. An older note with a true root and a bad signature can do no harm."""


class Target(NamedTuple):
    """A checkpoint to compare with at its size. ``anchor`` names the file of one that was given from outside."""

    size: int
    note: str
    anchor: str = ""


class Roots:
    """Takes the leaves of one log in order and compares at each target's size."""

    def __init__(
        self, judge: Judge, origin: str, keys: Sequence[VerifierKey], targets: Iterable[Target], *, thorough: bool
    ) -> None:
        self._judge = judge
        self._origin = origin
        self._keys = keys
        self._targets = sorted(targets)
        stored = [target for target in self._targets if not target.anchor]
        step = 1 if thorough else max(1, len(stored) // SIGNATURES)
        self._checked = {target.size for target in stored[::-step]}
        self._next = 0
        self._frontier = Frontier()
        self._waiting: list[bytes] = []
        self._start = 0
        self._lost = False
        self.last_good = 0
        self.signatures = 0

    def take(self, leaves: Sequence[bytes]) -> None:
        self._waiting = self._waiting[self._start :] + list(leaves)
        self._start = 0
        while self._next < len(self._targets) and self._targets[self._next].size <= self._have:
            self._compare(self._targets[self._next])
            self._next += 1
        if not self._judge.unexplained:
            self._advance_to(self._have)

    def finish(self) -> Frontier:
        """Reports what was signed beyond the last record; answers the tree's right edge over all records."""
        for target in self._targets[self._next :]:
            if target.size > self._judge.next_seq:
                self._beyond(target)
            else:
                self._signature(target)
        self._advance_to(self._have)
        return self._frontier

    @property
    def _have(self) -> int:
        return self._frontier.size + len(self._waiting) - self._start

    def _leaves(self, size: int) -> list[bytes]:
        """Those between the frontier and ``size``."""
        return self._waiting[self._start : self._start + size - self._frontier.size]

    def _advance_to(self, size: int) -> None:
        self._frontier.extend(leaves := self._leaves(size))
        self._start += len(leaves)

    def _compare(self, target: Target) -> None:
        if self._lost or target.size > self._judge.lost_at:
            self._signature(target)
            return
        leaves = self._leaves(target.size)
        ahead = self._grown(leaves)
        if self._matches(target, ahead):
            self._settle("leaf", target.size)
        else:
            stored = self._grown(self._stored(leaves)) if self._judge.unexplained else ahead
            if stored is ahead or not self._matches(target, stored):
                self._differs(target, ahead)
                return
            ahead = stored
            self._settle("body", target.size)
        self._frontier = ahead
        self._start += len(leaves)
        self.last_good = target.size
        self._signature(target)

    def _grown(self, leaves: Sequence[bytes]) -> Frontier:
        frontier = self._frontier.copy()
        frontier.extend(leaves)
        return frontier

    def _matches(self, target: Target, frontier: Frontier) -> bool:
        text = Checkpoint(self._origin, frontier.size, frontier.root()).text()
        if target.note.startswith(text + "\n"):
            return True
        try:
            found = checkpoint.parse(target.note.encode())[0]
        except ManifestError:
            return False
        return (found.origin, found.size, found.root) == (self._origin, frontier.size, frontier.root())

    def _stored(self, leaves: Sequence[bytes]) -> list[bytes]:
        rows = self._judge.unexplained
        return [rows[seq][2] if seq in rows else leaf for seq, leaf in enumerate(leaves, self._frontier.size)]

    def _settle(self, altered: str, size: int) -> None:
        """Rows that lie behind this checkpoint keep waiting for their own."""
        later = {seq: row for seq, row in self._judge.unexplained.items() if seq >= size}
        for seq in later:
            del self._judge.unexplained[seq]
        self._judge.settle(altered)
        self._judge.unexplained.update(later)

    def _signature(self, target: Target, *, forced: bool = False) -> bool:
        """Whether the note is a checkpoint of this log and size under a known key; reports it if not."""
        if not self._keys or target.anchor or not (forced or target.size in self._checked):
            return True
        self._checked.discard(target.size)
        self.signatures += 1
        try:
            found = checkpoint.verify(target.note.encode(), self._origin, self._keys)
            problem = "" if found.size == target.size else f"it is signed for size {found.size}"
        except ManifestError as error:
            problem = error.problems[0].message.rstrip(".")
        if problem:
            self._judge.add(
                "audit.checkpoint_altered",
                None,
                f"checkpoint {target.size} of log {self._judge.log}: altered: {problem}.",
            )
        return not problem

    def _differs(self, target: Target, found: Frontier) -> None:
        log = self._judge.log
        if target.anchor:
            message = (
                f"log {log}: forked: {target.anchor} vouches for another tree of {target.size} records than "
                "the database has."
            )
            self._judge.add("audit.forked", None, message)
            return
        if not self._signature(target, forced=True):
            return
        self._lost = True
        if self._judge.unexplained:
            return
        message = (
            f"records {self.last_good} to {target.size - 1} of log {log}: altered: their tree has root "
            f"{strict_base64.encode(found.root())}, which is not the root that was signed for {target.size} records."
        )
        self._judge.add("audit.root", self.last_good, message)

    def _beyond(self, target: Target) -> None:
        log, have = self._judge.log, self._judge.next_seq
        if target.anchor:
            message = (
                f"log {log}: rolled back: {target.anchor} vouches for {target.size} records, "
                f"the database ends at {have}."
            )
            self._judge.add("audit.rolled_back", have, message)
        elif self._signature(target, forced=True):
            message = f"log {log}: truncated: checkpoint {target.size} was signed, records end at {have}."
            self._judge.add("audit.truncated", have, message)
