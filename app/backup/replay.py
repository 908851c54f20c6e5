"""Append records that were recorded after a backup was made: their exact bytes, each batch under the signed
checkpoint that vouches for it."""

from __future__ import annotations

from collections.abc import Sequence

from app.audit import heads
from app.audit.batch import Batch, Row, add
from app.audit.heads import Head, TraceHeads
from app.backup.errors import BackupAlteredError
from app.backup.gaps import Gap, Vouched
from app.db.tx import Tx
from manifests import record
from manifests.errors import ManifestError
from manifests.merkle import leaf_hash
from manifests.record import Record

_STRANGE = "it belongs to another history than the backup, or was altered"


def replay(tx: Tx, gap: Gap, bodies: Sequence[bytes]) -> list[Record]:
    """The log as it was under its newest checkpoint that ``bodies``, the records from ``gap.have`` on, reach; answers
    the records. What lies behind that is left out: nobody vouches for it.

    Raises BackupAlteredError, and then the transaction must be undone.
    """
    done: list[Record] = []
    for vouched in gap.newer:
        end = vouched.found.size - gap.have
        if len(done) <= end <= len(bodies):
            done += _append(tx, gap.log, gap.have + len(done), bodies[len(done) : end], vouched)
    return done


def vouched(tx: Tx, gap: Gap, bodies: Sequence[bytes]) -> list[Record]:
    """Of ``bodies``, the records from ``gap.have`` on, those that a checkpoint of the gap vouches for, while the log
    still ends there. Nothing is written, and what nobody vouches for is left out."""
    frontier = heads.hold(tx, gap.log).frontier.copy()
    if frontier.size != gap.have:
        return []
    done = 0
    for one in gap.newer:
        end = one.found.size - gap.have
        if end > len(bodies):
            break
        frontier.extend(leaf_hash(body) for body in bodies[done:end])
        if frontier.root() != one.found.root:
            break
        done = end
    return [_parsed(gap.log, gap.have + nth, body) for nth, body in enumerate(bodies[:done])]


def _append(tx: Tx, log: str, first: int, bodies: Sequence[bytes], vouched: Vouched) -> list[Record]:
    head = heads.hold(tx, log)
    records = [_parsed(log, first + nth, body) for nth, body in enumerate(bodies)]
    ends = heads.traces(tx, log, {one.trace_id for one in records})
    made = [_row(log, ends, body, one) for body, one in zip(bodies, records, strict=True)]
    subtrees = head.frontier.extend([row.leaf for row in made])
    if (head.frontier.size, head.frontier.root()) != (vouched.found.size, vouched.found.root):
        raise BackupAlteredError(
            f"log {log}: expected the {len(bodies)} records before number {vouched.found.size} to have the root that "
            f"{vouched.where} vouches for, found another: {_STRANGE}"
        )
    if made:
        moved = Head(head.frontier, max(head.last_at, *(row.at for row in made)))
        add(tx, log, Batch(made, moved, ends, subtrees, vouched.note.decode()))
    return records


def _row(log: str, ends: TraceHeads, body: bytes, one: Record) -> Row:
    before = ends.get(one.trace_id)
    tseq, prev = (before[0] + 1, before[1].hex()) if before else (0, record.FIRST_PREV)
    if (one.tseq, one.prev) != (tseq, prev):
        raise BackupAlteredError(f"record {one.seq} of log {log} does not follow its trace: {_STRANGE}")
    leaf = leaf_hash(body)
    ends[one.trace_id] = (tseq, leaf)
    return Row(log, one.seq, one.trace_id, tseq, one.resource, one.event, one.ts, leaf, body)


def _parsed(log: str, seq: int, body: bytes) -> Record:
    try:
        found = record.parse(body)
    except ManifestError as error:
        raise BackupAlteredError(f"record {seq} of log {log} cannot be read: {error}") from error
    if (found.log, found.seq) != (log, seq):
        raise BackupAlteredError(f"expected record {seq} of log {log}, found {found.seq} of {found.log}")
    return found
