"""The log as a fact for decisions."""

from __future__ import annotations

from app.audit import heads
from app.db.tx import Tx
from app.sinks import store as sinks
from app.verification import store as verification
from gates.model import LogFacts


def log_facts(tx: Tx, log: str) -> LogFacts:
    """The time of the log's last record: a clock behind it cannot be trusted. And what an anchor outside the
    database, or verification, says against the log: nothing is decided on a history that was altered."""
    problems = (sinks.problem_of(tx, log), verification.problem_of(tx, log))
    return LogFacts(last_at=heads.read(tx, log).last_at, problem=" ".join(filter(None, problems)))
