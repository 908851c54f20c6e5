"""Turns what one log's stretches show into findings: names each alteration once, and leaves out what only
follows from another (a removed record also breaks its trace, its tree and its head)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from app.verification.envelope import Edge, Envelope, Stretch, differing_columns, envelope_of, is_canonical
from app.verification.report import Finding, finding
from manifests.merkle import leaf_hash
from manifests.record import FIRST_PREV

NOTHING = (-1, FIRST_PREV)
"""What the first record of a trace follows: number before its own, and hash."""


class Judge:
    """Holds what is known of one log while its stretches go by in order, the first of which begins at ``first``."""

    def __init__(self, log: str, first: int = 0) -> None:
        self.log = log
        self.first = first
        self.next_seq = first
        self.findings: list[Finding] = []
        self.lost_at: float = math.inf
        """Records from here on are gone or stand elsewhere, so no tree over them was ever signed."""
        self.ends: dict[str, tuple[int, str]] = {}
        self.unexplained: dict[int, tuple[Any, ...]] = {}
        """Rows whose body and leaf disagree, until a signed root tells which of the two was altered."""
        self.last_at = 0
        self._gaps: list[range] = []
        self._moved: dict[int, int] = {}
        self._tainted: set[str] = set()

    @property
    def whole(self) -> bool:
        """Whether no record is missing as far as was read."""
        return not self._gaps

    def unknown(self, stretch: Stretch) -> list[tuple[str, int]]:
        """The places (trace, number in it) before the traces that this stretch goes on with and nobody has seen yet."""
        if not self.first:
            return []
        return [(trace, tseq - 1) for trace, _, tseq, _ in stretch.edges if tseq and trace not in self.ends]

    def take(self, stretch: Stretch) -> None:
        for expected, found in stretch.gaps:
            self._gap(expected, found)
        for row in stretch.odd:
            self._odd(row)
        before = self.ends.get
        for edge in stretch.edges:
            trace, _, tseq, prev = edge
            last, leaf = before(trace, NOTHING)
            if tseq != last + 1 or prev != leaf:
                self._break(edge)
        for edge in stretch.broken:
            self._break(edge)
        self.ends.update(stretch.ends)
        self.last_at = max(self.last_at, stretch.last_at)
        self.next_seq = stretch.next_seq
        self.strangers(stretch.strangers)

    def strangers(self, found: Sequence[str]) -> None:
        """Rows under what is no record's number: the service never wrote them."""
        for seq in found:
            self.add("audit.moved", None, f"record {seq} of log {self.log}: moved: no record was sealed as {seq}.")

    def settle(self, altered: str) -> None:
        """Report the rows that wait as ``body``, ``leaf`` or ``body_or_leaf`` altered."""
        words = {"body": "body altered", "leaf": "leaf column altered", "body_or_leaf": "body or leaf altered"}
        for seq, row in sorted(self.unexplained.items()):
            message = (
                f"record {seq} of log {self.log}: {words[altered]}: expected the hash {row[2].hex()} that is stored "
                f"beside it, found a body with hash {leaf_hash(row[1]).hex()}."
            )
            self.add(f"audit.{altered}_altered", seq, message)
        self.unexplained.clear()

    def finish(self) -> None:
        """Names records that stand where another was sealed, now that all have been seen."""
        self.settle("body_or_leaf")
        for gap in self._gaps:
            self._removed(gap)
        origins = set(self._moved.values())
        for seq, sealed in sorted(self._moved.items()):
            twice = list(self._moved.values()).count(sealed) > 1
            if twice or self._stands(sealed):
                code, word = "audit.duplicated", "duplicated: it holds a copy of the record"
            elif seq in origins:
                code, word = "audit.reordered", "reordered: it holds the record"
            else:
                code, word = "audit.moved", "moved: it holds the record"
            self.add(code, seq, f"record {seq} of log {self.log}: {word} that was sealed as {sealed}.")

    def trace_heads(self, stored: Sequence[tuple[str, int, bytes]]) -> None:
        """Whether each trace's stored end is the end that its records have."""
        heads = {trace: (tseq, leaf.hex()) for trace, tseq, leaf in stored}
        if self._gaps or heads == self.ends:
            return
        for trace in sorted(heads.keys() | self.ends.keys()):
            if heads.get(trace) == self.ends.get(trace) or trace in self._tainted:
                continue
            message = (
                f"trace {trace} of log {self.log}: expected its head to be {_end(self.ends.get(trace))}, "
                f"found {_end(heads.get(trace))}."
            )
            self.add("audit.trace_head_altered", None, message)

    def add(self, code: str, seq: int | None, message: str) -> None:
        self.findings.append(finding(code, self.log, seq, message))

    def _stands(self, seq: int) -> bool:
        """Whether record ``seq`` is where it belongs."""
        gone = seq >= self.next_seq or any(seq in gap for gap in self._gaps)
        return not gone and seq not in self._moved

    def _gap(self, expected: int, found: int) -> None:
        self.lost_at = min(self.lost_at, expected)
        if self._gaps and self._gaps[-1].stop == expected:
            # Two stretches met inside it.
            expected = self._gaps.pop().start
        self._gaps.append(range(expected, found))

    def _removed(self, gap: range) -> None:
        which = f"record {gap.start}" if len(gap) == 1 else f"records {gap.start} to {gap.stop - 1}"
        self.add("audit.removed", gap.start, f"{which} of log {self.log}: removed: record {gap.stop} comes next.")

    def _odd(self, row: tuple[Any, ...]) -> None:
        seq, body, leaf, trace_id = row[:4]
        envelope = envelope_of(body)
        if leaf_hash(body) == leaf and envelope is not None and envelope.seq == seq:
            if not is_canonical(body):
                self._malformed(seq)
            self._columns(row, envelope)
            return
        self._tainted.add(trace_id)
        if envelope is not None:
            self._tainted.add(envelope.trace_id)
        if leaf_hash(body) != leaf:
            self.unexplained[seq] = row
        elif envelope is not None:
            self._moved[seq] = envelope.seq
            self.lost_at = min(self.lost_at, seq)
        else:
            self._malformed(seq)

    def _malformed(self, seq: int) -> None:
        message = f"record {seq} of log {self.log}: expected a record in canonical form, found other bytes."
        self.add("audit.not_canonical", seq, message)

    def _columns(self, row: tuple[Any, ...], envelope: Envelope) -> None:
        said = "; ".join(differing_columns(row, envelope, self.log))
        if said:
            message = f"record {row[0]} of log {self.log}: column altered: {said}."
            self.add("audit.column_altered", row[0], message)

    def _break(self, edge: Edge) -> None:
        trace, seq, tseq, prev = edge
        if self._gaps or trace in self._tainted:
            return
        self._tainted.add(trace)
        message = (
            f"record {seq} of log {self.log}: chain broken: it was sealed as number {tseq} of trace "
            f"{trace} after a record with hash {prev}, which is not the one before it."
        )
        self.add("audit.chain", seq, message)


def _end(end: tuple[int, str] | None) -> str:
    return f"number {end[0]} with hash {end[1]}" if end else "none"
