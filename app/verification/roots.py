"""Whether the tree over a log's records has the root of every signed checkpoint."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.verification.envelope import Stretch
from app.verification.growing import Growing
from app.verification.judge import Judge
from app.verification.trust import Trust
from manifests import checkpoint, key_history, strict_base64
from manifests.checkpoint import Checkpoint
from manifests.errors import ManifestError
from manifests.key_history import Signed
from manifests.merkle import Frontier, Subtree

SIGNATURES = 8
"""How many signatures are checked unless all are asked for: evenly spread, always the newest, whose signature
alone vouches for every record. An older note with a true root and a bad signature can do no harm."""


class Target(NamedTuple):
    """A checkpoint to compare with at its size. ``anchor`` names the file of one that was given from outside."""

    size: int
    note: str
    anchor: str = ""


class Roots:
    """Takes the stretches of one log in order and compares at each target's size. ``first`` is the edge of the tree
    over the records before, which are known already; targets below it are not compared."""

    def __init__(
        self, judge: Judge, trust: Trust | None, origin: str, targets: Iterable[Target], first: Frontier, *,
        thorough: bool,
    ) -> None:  # fmt: skip
        self._judge = judge
        self._origin = origin
        self._trust = trust
        self._targets = sorted(targets)
        stored = [target for target in self._targets if not target.anchor]
        # Rounded up: a few more would be too many where there are hundreds.
        step = 1 if thorough else max(1, -(-len(stored) // SIGNATURES))
        self._checked = {target.size for target in stored[::-step]} | _beside_keys(stored, trust)
        self._next = 0
        self._growing = Growing(first)
        self._lost = False
        self._signed: list[Signed] = []
        self.last_good = first.size
        self.signatures = 0

    @property
    def subtrees(self) -> list[Subtree]:
        """The roots over whole tiles, of every level, as the records have them."""
        return self._growing.subtrees

    def take(self, stretch: Stretch) -> None:
        self._growing.take(stretch)
        while self._next < len(self._targets) and self._targets[self._next].size <= self._growing.have:
            self._compare(self._targets[self._next])
            self._next += 1
        if not self._judge.unexplained:
            self._growing.advance(*self._growing.ahead(self._growing.have))

    def finish(self) -> Frontier:
        """Reports what was signed beyond the last record; answers the tree's right edge over all records."""
        for target in self._targets[self._next :]:
            if target.size > self._judge.next_seq:
                self._beyond(target)
            else:
                self._signature(target)
        self._growing.advance(*self._growing.ahead(self._growing.have))
        return self._growing.frontier

    def _compare(self, target: Target) -> None:
        if self._lost or target.size > self._judge.lost_at or target.size < self._growing.frontier.size:
            self._signature(target)
            return
        ahead = self._growing.ahead(target.size)
        if self._matches(target, ahead[0]):
            self._settle("leaf", target.size)
        else:
            stored = {seq: row[2] for seq, row in self._judge.unexplained.items() if seq < target.size}
            beside = self._growing.ahead(target.size, stored) if stored else None
            if beside is None or not self._matches(target, beside[0]):
                self._differs(target, ahead[0])
                return
            ahead = beside
            self._settle("body", target.size)
        self._growing.advance(*ahead)
        self.last_good = target.size
        self._signature(target, right=True)

    def _matches(self, target: Target, frontier: Frontier) -> bool:
        text = Checkpoint(self._origin, frontier.size, frontier.root()).text()
        if target.note.startswith(text + "\n"):
            return True
        try:
            found = checkpoint.parse(target.note.encode())[0]
        except ManifestError:
            return False
        return (found.origin, found.size, found.root) == (self._origin, frontier.size, frontier.root())

    def _settle(self, altered: str, size: int) -> None:
        """Rows that lie behind this checkpoint keep waiting for their own."""
        later = {seq: row for seq, row in self._judge.unexplained.items() if seq >= size}
        for seq in later:
            del self._judge.unexplained[seq]
        self._judge.settle(altered)
        self._judge.unexplained.update(later)

    def judge_signers(self) -> None:
        """Reports checkpoints, the newest at least, that only keys signed which no given key leads to."""
        if self._trust is None:
            return
        believed = self._trust.believed(self._signed)
        strange = [signed for signed in self._signed if not signed.by & believed]
        if strange:
            last = strange[-1]
            message = (
                f"checkpoint {last.size} of log {self._judge.log}: expected a signature of a key that the given ones "
                f"lead to, found one of {', '.join(sorted(last.by))}."
            )
            self._judge.add("audit.key_unknown", None, message)

    def _signature(self, target: Target, *, forced: bool = False, right: bool = False) -> bool:
        """Whether the note is a checkpoint of this log and size under a key that may sign it; reports it if not.
        ``right``: its root is the tree's."""
        wanted = forced or target.size in self._checked or (right and bool(target.anchor))
        if self._trust is None or not wanted or (target.anchor and not right):
            return True
        if not target.anchor:
            self._checked.discard(target.size)
        self.signatures += 1
        problem = self._judged(target, right=right)
        if problem:
            message = f"checkpoint {target.size} of log {self._judge.log}: altered: {problem}."
            self._judge.add("audit.checkpoint_altered", None, message)
        return not problem

    def _judged(self, target: Target, *, right: bool) -> str:
        """What is wrong with a note; nothing if its signature counts, or did until its key was revoked."""
        assert self._trust is not None
        try:
            found = key_history.judge(self._trust.history, target.note.encode())
        except ManifestError as error:
            return error.problems[0].message.rstrip(".")
        if found.checkpoint.size != target.size:
            return f"it is signed for size {found.checkpoint.size}"
        if found.taken_back:
            # Later ones vouch for its records, if there are any.
            return "" if target is not self._targets[-1] else "its only signatures are of keys that were revoked"
        if right:
            self._signed.append(Signed(target.size, found.by))
        return ""

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


def _beside_keys(stored: Sequence[Target], trust: Trust | None) -> set[int]:
    """The sizes of the first checkpoints over the records that name keys: they show who led to whom."""
    sizes = [target.size for target in stored]
    places = [bisect_right(sizes, told) for told in trust.told_at()] if trust is not None else []
    return {sizes[place] for place in places if place < len(sizes)}
