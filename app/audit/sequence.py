"""Numbers, chains and checkpoints records, in the transaction that holds their log.

On SQLite this runs in the one writer; on PostgreSQL under the lock of the log's head row. Either way
what was read of the head still holds when the batch is committed, so no log can fork.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from app.audit import heads
from app.audit.batch import Batch, Row, add
from app.audit.heads import Head, TraceHeads
from app.db.tx import Tx
from manifests import checkpoint, record
from manifests.checkpoint import Checkpoint
from manifests.keys import PrivateKey
from manifests.merkle import Frontier, leaf_hash
from manifests.record import Draft, Unplaced

DEFAULT_ORIGIN = "countersign.dev/log"
_FIRST_PREV = record.FIRST_PREV.encode()


def origin(prefix: str, log: str) -> str:
    """The name of a log in its checkpoints and of the key that signs them."""
    return f"{prefix}/{log}"


class Appended(NamedTuple):
    """Records that are in the log: the number of the first, and the leaf hash (32 bytes) of each in its order."""

    first_seq: int
    leaves: tuple[bytes, ...]


class Signers(Protocol):
    """Answers the Ed25519 keys that sign the checkpoint of a log after ``drafts``, which may change them; called in
    the transaction that holds the log. At least one, or it raises."""

    def __call__(self, tx: Tx, log: str, drafts: Sequence[Draft]) -> Sequence[PrivateKey]: ...


class LogSequencer:
    """See app.db.database.Sequencer. ``signers`` are Ed25519 keys, more than one while a key is being replaced, or who
    knows them for each log."""

    def __init__(self, signers: Signers | Sequence[PrivateKey], origin_prefix: str = DEFAULT_ORIGIN) -> None:
        self._signers = signers if callable(signers) else _always(signers)
        self._prefix = origin_prefix

    def __call__(self, tx: Tx) -> None:
        by_log: dict[str, list[Unplaced]] = {}
        for log, unplaced in tx.staged:
            by_log.setdefault(log, []).append(unplaced)
        for log in sorted(by_log):
            self.append(tx, log, lambda log=log: by_log[log])  # type: ignore[misc]
        tx.staged.clear()

    def append(self, tx: Tx, log: str, take: Callable[[], Sequence[Unplaced]]) -> Appended:
        """Adds records at the end of the log, under one checkpoint. They are taken (and were made for this log) once it
        is held: whoever had to wait for it brings what has come meanwhile.

        On PostgreSQL the head row stays locked until the transaction ends, so nothing else should follow in it.
        Raises HeadMissingError, and the driver's error where a number is taken already.
        """
        head = heads.hold(tx, log)
        batch = take()
        first = head.frontier.size
        if not batch:
            return Appended(first, ())
        ends = heads.traces(tx, log, {one.draft.trace_id for one in batch})
        made, leaves = _placed(log, first, ends, batch)
        subtrees = head.frontier.extend(leaves)
        moved = Head(head.frontier, max(head.last_at, *[one.draft.ts for one in batch]))
        note = self._checkpoint(log, head.frontier, self._signers(tx, log, [one.draft for one in batch]))
        add(tx, log, Batch(made, moved, ends, subtrees, note))
        return Appended(first, tuple(leaves))

    def _checkpoint(self, log: str, frontier: Frontier, signers: Sequence[PrivateKey]) -> str:
        name = origin(self._prefix, log)
        signed = checkpoint.sign(Checkpoint(name, frontier.size, frontier.root()), [(name, key) for key in signers])
        return signed.decode()


def _always(signers: Sequence[PrivateKey]) -> Signers:
    keys = tuple(signers)
    for key in keys:
        if key.kind != "ed25519":
            raise ValueError(f"expected Ed25519 keys to sign checkpoints, found {key.kind}; use the log's key")
    if not keys:
        raise ValueError("expected at least one key to sign checkpoints, found none; use the log's key")
    return lambda tx, log, drafts: keys


def _placed(log: str, seq: int, ends: TraceHeads, batch: Iterable[Unplaced]) -> tuple[list[Row], list[bytes]]:
    """The rows and leaf hashes of the records in their order, numbered from ``seq``; ``ends`` are moved on."""
    made: list[Row] = []
    leaves: list[bytes] = []
    for one in batch:
        draft = one.draft
        trace_id = draft.trace_id
        before = ends.get(trace_id)
        tseq, prev = (before[0] + 1, before[1].hex().encode()) if before else (0, _FIRST_PREV)
        body = one.placed(seq, tseq, prev)
        leaf = leaf_hash(body)
        ends[trace_id] = (tseq, leaf)
        made.append(Row(log, seq, trace_id, tseq, draft.resource, draft.event, draft.ts, leaf, body))
        leaves.append(leaf)
        seq += 1
    return made, leaves
