"""What reading the log can refuse."""

from __future__ import annotations


class RecordAlteredError(Exception):
    """A stored record is not the one that was sealed; it counts for nothing. ``what`` says what differs."""

    code = "audit.record_altered"
    remedy = "Treat the database as tampered with: run `audit verify`, then restore the log from WORM or a backup."

    def __init__(self, log: str, seq: int, what: str) -> None:
        super().__init__(f"record {seq} of log {log}: {what}. {self.remedy}")
        self.log = log
        self.seq = seq
        self.what = what


class NoProofError(Exception):
    """The log has no such record or size. The message says which it has."""

    code = "audit.no_proof"


class HeadMissingError(Exception):
    """A log has records, but the row that says where it ends is gone. Nothing can be added to it."""

    code = "audit.head_missing"

    def __init__(self, log: str, seq: int) -> None:
        super().__init__(
            f"log {log}: expected the row of its head in log_heads, found none, but a record number {seq}. "
            "Treat the database as tampered with: run `audit verify`, then restore it from a backup."
        )


class TreeAlteredError(Exception):
    """What is stored of a log's tree does not lead to the root that was signed. ``what`` says what differs."""

    code = "audit.tree_altered"
    remedy = RecordAlteredError.remedy

    def __init__(self, log: str, what: str) -> None:
        super().__init__(f"log {log}: {what}. {self.remedy}")
        self.log = log
        self.what = what


class NoTileError(Exception):
    """The log's tree has no such tile. The message says what was asked."""

    code = "audit.no_tile"
