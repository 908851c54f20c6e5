"""The records that a query finds, each as its exact bytes with the proof that they are in the log."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.audit import proofs
from app.audit.proofs import Inclusion
from app.audit.store import StoredCheckpoint
from app.db.tx import Tx
from app.exports.bundle import Bundle, spool
from app.exports.model import Ask, Progress, Read
from app.exports.pages import pages
from manifests.merkle import leaf_hash
from manifests.note import VerifierKey
from manifests.record import Record


class Found(msgspec.Struct, frozen=True):
    """A line of ``index.jsonl``."""

    seq: int
    ts: int
    event: str
    trace_id: str
    resource: str
    actor_ref: str
    leaf: str
    record: str
    proof: str


def write(
    read: Read, ask: Ask, under: StoredCheckpoint, keys: tuple[VerifierKey, ...], bundle: Bundle, progress: Progress
) -> int:
    """Writes records, proofs under ``under`` and an index. Answers how many records were found.

    Raises RecordAlteredError and TreeAlteredError rather than write what does not verify.
    """

    def prove(tx: Tx, records: Sequence[Record]) -> Sequence[tuple[Record, Inclusion]]:
        proven = proofs.inclusions(tx, ask.log, [record.seq for record in records], under, keys)
        return list(zip(records, proven, strict=True))

    count = 0
    with spool() as index:
        for page in pages(read, ask, under.size, prove, progress):
            for record, proven in page:
                name = f"records/{record.seq}"
                bundle.add(f"{name}.json", proven.body)
                bundle.add(f"{name}.tlog-proof", proven.tlog_proof())
                index.write(msgspec.json.encode(_found(record, proven, name)) + b"\n")
            count += len(page)
        bundle.add_file("index.jsonl", index)
    return count


def _found(record: Record, proven: Inclusion, name: str) -> Found:
    return Found(
        record.seq, record.ts, record.event, record.trace_id, record.resource, record.actor_ref,
        leaf_hash(proven.body).hex(), f"{name}.json", f"{name}.tlog-proof",
    )  # fmt: skip
