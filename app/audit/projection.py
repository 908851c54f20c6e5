"""The log as a fact for decisions."""

from __future__ import annotations

from app.audit import heads
from app.db.tx import Tx
from gates.model import LogFacts


def log_facts(tx: Tx, log: str) -> LogFacts:
    """The time of the log's last record: a clock behind it cannot be trusted."""
    return LogFacts(last_at=heads.read(tx, log).last_at)
