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
