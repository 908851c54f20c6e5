"""What was verified and what was found: table verifications, one row for each log."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx

_ALL = text("SELECT log, size, at, full_at, problem FROM verifications ORDER BY log")
_PROBLEM = text("SELECT problem FROM verifications WHERE log = :log")
_PASSED = text(
    "INSERT INTO verifications (log, size, frontier, at, full_at, problem)"
    " VALUES (:log, :size, :frontier, :at, :full_at, '') ON CONFLICT (log) DO UPDATE SET size = :size,"
    " frontier = :frontier, at = :at, full_at = CASE WHEN :full_at > 0 THEN :full_at ELSE verifications.full_at END,"
    " problem = CASE WHEN :full_at > 0 THEN '' ELSE verifications.problem END"
)
_FAILED = text(
    "INSERT INTO verifications (log, size, frontier, at, full_at, problem)"
    " VALUES (:log, 0, :nothing, :at, 0, :problem) ON CONFLICT (log) DO UPDATE SET at = :at, problem = :problem"
)


class Verified(msgspec.Struct, frozen=True):
    """How far a log was last found to be right, when, when from its first record on (microseconds since 1970 UTC), and
    what is wrong with it: nothing when all is well."""

    log: str
    size: int
    at: int
    full_at: int
    problem: str


def everything(tx: Tx) -> tuple[Verified, ...]:
    """Of every log that was ever verified."""
    return tuple(Verified(**row._mapping) for row in tx.all(_ALL))


def problem_of(tx: Tx, log: str) -> str:
    """What verification found in this log; nothing when all is well. It stays until a full run finds nothing."""
    row = tx.first(_PROBLEM, log=log)
    return str(row.problem) if row is not None else ""


def passed(tx: Tx, log: str, size: int, frontier: bytes, at: int, *, full: bool) -> None:
    """Nothing is wrong up to ``size``. Only a ``full`` run takes back what was found before."""
    tx.run(_PASSED, log=log, size=size, frontier=frontier, at=at, full_at=at if full else 0)


def failed(tx: Tx, log: str, problem: str, at: int) -> None:
    tx.run(_FAILED, log=log, problem=problem, at=at, nothing=b"")
