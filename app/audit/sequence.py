"""Numbers, chains and checkpoints staged records, in the transaction that holds their log.

On SQLite this runs in the one writer; on PostgreSQL under the lock of the log's head row. Either way
what was read of the head still holds when the batch is committed, so no log can fork.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.audit import heads, rows
from app.audit.heads import Head
from app.audit.rows import Row
from app.db.tx import Tx
from manifests import checkpoint, record
from manifests.checkpoint import Checkpoint
from manifests.keys import PrivateKey
from manifests.merkle import Frontier, leaf_hash
from manifests.record import Draft

DEFAULT_ORIGIN = "countersign.dev/log"


def origin(prefix: str, log: str) -> str:
    """The name of a log in its checkpoints and of the key that signs them."""
    return f"{prefix}/{log}"


class LogSequencer:
    """See app.db.database.Sequencer. ``signers`` are Ed25519 keys; more than one while a key is being replaced."""

    def __init__(self, signers: Sequence[PrivateKey], origin_prefix: str = DEFAULT_ORIGIN) -> None:
        self._signers = tuple(signers)
        self._prefix = origin_prefix
        for key in self._signers:
            if key.kind != "ed25519":
                raise ValueError(f"expected Ed25519 keys to sign checkpoints, found {key.kind}; use the log's key")
        if not self._signers:
            raise ValueError("expected at least one key to sign checkpoints, found none; use the log's key")

    def __call__(self, tx: Tx) -> None:
        by_log: dict[str, list[Draft]] = {}
        for log, draft in tx.staged:
            by_log.setdefault(log, []).append(draft)
        for log in sorted(by_log):
            self._append(tx, log, by_log[log])
        tx.staged.clear()

    def _append(self, tx: Tx, log: str, drafts: Sequence[Draft]) -> None:
        head = heads.read(tx, log)
        traces = heads.traces(tx, log, {draft.trace_id for draft in drafts})
        made = _seal(log, head.frontier.size, traces, drafts)
        subtrees = head.frontier.extend([row.leaf for row in made])
        rows.insert(tx, log, made)
        rows.insert_subtrees(tx, log, subtrees)
        heads.write_traces(tx, log, {row.trace_id: traces[row.trace_id] for row in made})
        heads.write(tx, log, Head(head.frontier, max(head.last_at, max(row.at for row in made))))
        rows.insert_checkpoint(tx, log, head.frontier.size, self._checkpoint(log, head.frontier))

    def _checkpoint(self, log: str, frontier: Frontier) -> str:
        name = origin(self._prefix, log)
        signed = checkpoint.sign(
            Checkpoint(name, frontier.size, frontier.root()), [(name, key) for key in self._signers]
        )
        return signed.decode()


def _seal(log: str, seq: int, traces: dict[str, tuple[int, bytes]], drafts: Iterable[Draft]) -> list[Row]:
    """The rows for the drafts in their order, numbered from ``seq``; ``traces`` are moved on."""
    made: list[Row] = []
    for draft in drafts:
        trace_id = draft.trace_id
        before = traces.get(trace_id)
        tseq, prev = (before[0] + 1, before[1].hex()) if before else (0, record.FIRST_PREV)
        body = record.seal(draft, log=log, seq=seq, tseq=tseq, prev=prev)
        leaf = leaf_hash(body)
        traces[trace_id] = (tseq, leaf)
        made.append(Row(seq, trace_id, tseq, draft.resource, draft.event, draft.ts, leaf, body))
        seq += 1
    return made
