"""What verification found, said so that an operator can act on it."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["finding", "unknown", "note"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it must be. ``seq`` is a record's number in its log, None for the log as a whole.

    ``kind``: a *finding* is an alteration, *unknown* means it could not be found out, a *note* is neither.
    """

    code: str
    log: str
    seq: int | None
    message: str
    remedy: str
    kind: Kind = "finding"


class LogReport(msgspec.Struct, frozen=True):
    """One log as read: its size, how many checkpoints were seen and signatures checked, the tree's root (hex).

    Records before ``first`` were taken from an earlier verification. ``frontier`` is the tree's right edge in hex, and
    ``signed`` whether the newest checkpoint is over all records, so that a later verification can begin here.
    """

    log: str
    records: int
    checkpoints: int
    signatures: int
    root: str
    first: int = 0
    frontier: str = ""
    signed: bool = False


class Report(msgspec.Struct, frozen=True):
    """``thorough`` says whether the form of every record and every signature was checked too; ``blobs`` how many were
    read and hashed again, None when that was left out; ``outside`` how many more lie only outside the database, None
    when only the blobs that records name were read; ``sampled`` how many records, where only some were looked at."""

    logs: tuple[LogReport, ...]
    findings: tuple[Finding, ...]
    thorough: bool
    blobs: int | None = None
    sampled: int | None = None
    segments: int | None = None
    outside: int | None = None

    @property
    def ok(self) -> bool:
        """Everything was checked and nothing is wrong."""
        return all(finding.kind == "note" for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 nothing wrong, 1 something altered, 3 could not find out."""
        kinds = {finding.kind for finding in self.findings}
        return 1 if "finding" in kinds else 3 if "unknown" in kinds else 0

    @property
    def records(self) -> int:
        return sum(log.records for log in self.logs)


_KEEP = "Keep a copy of the database, restore the log from WORM storage or a backup, find out who wrote to it."
_RESTORE = (
    "`countersign audit blob <digest>` reads its copy in WORM storage, if there is one; restore it from there or a "
    "backup; find out who wrote to the database."
)
_TREE = "Make the tree's hashes anew from the records' leaves; until then their proofs fail. Find out who wrote there."
_SEGMENT = "Fetch it again by the version id in its receipt; if it is not there, restore it, and find out who could."
_REMEDIES = {
    "audit.body_altered": _KEEP,
    "audit.leaf_altered": _KEEP,
    "audit.body_or_leaf_altered": _KEEP,
    "audit.not_canonical": "Keep a copy; only whoever holds the log's key can have made it. Replace that key.",
    "audit.column_altered": "The body is the record: restore the column from it; find out who wrote to the database.",
    "audit.removed": _KEEP,
    "audit.reordered": _KEEP,
    "audit.duplicated": _KEEP,
    "audit.moved": _KEEP,
    "audit.chain": _KEEP,
    "audit.root": _KEEP,
    "audit.truncated": _KEEP,
    "audit.checkpoint_altered": "Restore the checkpoint from an anchor; find out who wrote to the database.",
    "audit.checkpoint_missing": "Restore the checkpoint from an anchor; find out who wrote to the database.",
    "audit.head_altered": "Restore the head from the records; until then nothing may be appended to this log.",
    "audit.trace_head_altered": "Restore the trace's head from its last record; until then its chain would break.",
    "audit.tree_hash_altered": _TREE,
    "audit.tree_hash_missing": _TREE,
    "audit.tree_hash_strange": _TREE,
    "audit.baseline_altered": "The log was verified from its beginning instead; find out who wrote to the database.",
    "audit.key_history": _KEEP,
    "audit.key_unknown": "Give the log's first key or its newest, from elsewhere than this database (--key).",
    "audit.rolled_back": "An older state was restored. Restore the newer one; nothing may be released meanwhile.",
    "audit.forked": "Two histories were signed. Stop releasing, keep both, replace the log's key.",
    "audit.unauthenticated": "Give the log's verifier key, from somewhere else than this database (--key).",
    "audit.no_such_log": "Check the log's name and the database's address.",
    "audit.anchor_unreadable": "Give a checkpoint of this log, whole, signed with a key given by --key.",
    "segment.missing": _SEGMENT,
    "segment.altered": _SEGMENT,
    "segment.overlap": "Two receipts speak of the same records: find out who wrote to the log's sink, and with what.",
    "segment.uncovered": "Deliver these records again from a backup of the log; find out why they were passed over.",
    "segment.receipt_altered": _KEEP,
    "segment.no_receipt": "Give the folder that `sink.delivered` records speak of, and the log whose records it holds.",
    "segment.waiting": "The sink takes them soon; if not, see its lag.",
    "segment.unknown": "An attempt whose answer was lost may have left it; nothing depends on it.",
    "blob.missing": _RESTORE,
    "blob.altered": _RESTORE,
    "blob.outside": "`countersign audit blob <digest>` reads and hashes one of them.",
    "blob.unreadable": "Verify with the version of Countersign that wrote it, or a newer one.",
    "audit.staged_leftover": "A replica that runs will number it; if none does, look why the sequencer fails.",
}


def finding(code: str, log: str, seq: int | None, message: str, kind: Kind = "finding") -> Finding:
    """A finding with the remedy that belongs to its code. ``message`` says what was expected and found."""
    return Finding(code, log, seq, message, _REMEDIES[code], kind)
