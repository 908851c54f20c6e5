"""The work table: one row per key that has something to do, leased by one worker at a time.

A key is marked when something happened to it; marks that arrive while it is worked on make it due again.
The attempt number fences: a worker that lost its lease cannot commit.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import text

from app.db.tx import Tx

_MARK = text(
    "INSERT INTO work (key, due_at, marks, attempt, lease_until, failures, error)"
    " VALUES (:key, :at, 1, 0, 0, 0, '') ON CONFLICT (key) DO UPDATE SET marks = work.marks + 1,"
    " due_at = CASE WHEN work.due_at < excluded.due_at THEN work.due_at ELSE excluded.due_at END"
)
_WAKE = text(
    "UPDATE work SET marks = marks + 1, due_at = CASE WHEN due_at < :at THEN due_at ELSE :at END"
    " WHERE key >= :first AND key < :last"
)
_CLAIM = (
    "UPDATE work SET attempt = attempt + 1, lease_until = :lease WHERE key IN (SELECT key FROM work"
    " WHERE due_at <= :now AND lease_until <= :now{which} ORDER BY due_at LIMIT :most{locked})"
    " RETURNING key, marks, attempt, failures"
)
_ONLY, _BUT = " AND key LIKE :kind", " AND key NOT LIKE :kind"
_CLAIMS = {
    (dialect, which): text(_CLAIM.format(which=which, locked=locked))
    for dialect, locked in (("sqlite", ""), ("postgresql", " FOR UPDATE SKIP LOCKED"))
    for which in ("", _ONLY, _BUT)
}
_IN_HAND = text(
    "SELECT 1 AS found FROM work WHERE key = :key AND (due_at <= :now OR lease_until > :now OR failures > 0)"
)
_ALL_IN_HAND = text(
    "SELECT key FROM work WHERE key >= :first AND key < :last"
    " AND (due_at <= :now OR lease_until > :now OR failures > 0) ORDER BY key"
)
_HELD = text("SELECT attempt FROM work WHERE key = :key")
_HELD_LOCKED = text("SELECT attempt FROM work WHERE key = :key FOR UPDATE")
_REST = text(
    "UPDATE work SET lease_until = 0, failures = 0, error = '',"
    " due_at = CASE WHEN marks = :marks THEN :due ELSE due_at END WHERE key = :key AND attempt = :attempt"
)
_REMOVE = text("DELETE FROM work WHERE key = :key AND attempt = :attempt AND marks = :marks")
_FAIL = text(
    "UPDATE work SET lease_until = 0, failures = failures + 1, error = :error,"
    " due_at = CASE WHEN marks = :marks THEN :due ELSE due_at END"
    " WHERE key = :key AND attempt = :attempt"
)
_RELEASE = text("UPDATE work SET lease_until = 0 WHERE lease_until > 0")
_NEXT = text("SELECT MIN(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) AS at FROM work")
_COUNT = text("SELECT COUNT(*) AS n FROM work WHERE due_at <= :now")
_BACKLOG = text("SELECT COUNT(*) AS due, COALESCE(MIN(due_at), 0) AS since FROM work WHERE due_at <= :now")
_FAILING = text("SELECT key, failures, error, due_at FROM work WHERE failures > 0 ORDER BY key LIMIT 100")


class LeaseLostError(Exception):
    """Another worker has taken this key over; nothing of this attempt may be kept."""

    code = "work.lease_lost"


class Lease(msgspec.Struct, frozen=True):
    """The right to work on a key. ``marks`` is what had been seen of it when it was taken."""

    key: str
    marks: int
    attempt: int
    failures: int


class Backlog(msgspec.Struct, frozen=True):
    """How many keys are due, those under way included, and since when the oldest (0 when none is)."""

    due: int
    since: int


def mark(tx: Tx, key: str, at: int) -> None:
    """Make a key due at ``at`` (microseconds since 1970 UTC) or earlier."""
    tx.run(_MARK, key=key, at=at)


def mark_many(tx: Tx, keys: Mapping[str, int]) -> None:
    """Sorted, so that two replicas never wait for each other in a circle."""
    tx.run_many(_MARK, [{"key": key, "at": keys[key]} for key in sorted(keys)])


def wake(tx: Tx, prefix: str, at: int) -> None:
    """Make due what is waiting under keys that start with ``prefix``, which ends in a slash."""
    tx.run(_WAKE, first=prefix, last=prefix[:-1] + "0", at=at)


def claim(tx: Tx, now: int, lease_until: int, most: int, *, only: str = "", but: str = "") -> tuple[Lease, ...]:
    """The ``most`` that have been due longest, ``only`` those of one kind (the first part of the key) or all ``but``
    those."""
    which, kind = (_ONLY, only) if only else (_BUT, but) if but else ("", "")
    values = {"kind": f"{kind}/%"} if kind else {}
    statement = _CLAIMS[tx.connection.dialect.name, which]
    rows = tx.all(statement, now=now, lease=lease_until, most=most, **values)
    return tuple(Lease(row.key, row.marks, row.attempt, row.failures) for row in rows)


def in_hand(tx: Tx, key: str, now: int) -> bool:
    """Whether a key is due, being worked on or to be tried again at ``now``, in microseconds since 1970 UTC."""
    return tx.first(_IN_HAND, key=key, now=now) is not None


def all_in_hand(tx: Tx, prefix: str, now: int) -> tuple[str, ...]:
    """The keys in hand that start with ``prefix``, which ends in a slash."""
    rows = tx.all(_ALL_IN_HAND, first=prefix, last=prefix[:-1] + "0", now=now)
    return tuple(row.key for row in rows)


def hold(tx: Tx, lease: Lease) -> None:
    """Raises LeaseLostError unless this attempt still holds the key; call in every committing unit."""
    statement = _HELD if tx.connection.dialect.name == "sqlite" else _HELD_LOCKED
    row = tx.first(statement, key=lease.key)
    if row is None or row.attempt != lease.attempt:
        raise LeaseLostError(f"{lease.key}: attempt {lease.attempt} lost its lease")


def finish(tx: Tx, lease: Lease, due: int | None) -> None:
    """Done; due again at ``due``, or now if it was marked meanwhile."""
    if due is None:
        removed = tx.run(_REMOVE, key=lease.key, attempt=lease.attempt, marks=lease.marks)
        if removed.rowcount:
            return
    tx.run(_REST, key=lease.key, attempt=lease.attempt, marks=lease.marks, due=due or 0)


def release_all(tx: Tx) -> None:
    """For a process that is alone with the database: nobody who held a lease before it can still be at work."""
    tx.run(_RELEASE)


def fail(tx: Tx, lease: Lease, error: str, due: int) -> None:
    """Due again at ``due``, or now if it was marked meanwhile: what happened since may not wait for a backoff."""
    tx.run(_FAIL, key=lease.key, attempt=lease.attempt, marks=lease.marks, error=error[:2000], due=due)


def next_due(tx: Tx) -> int | None:
    row = tx.first(_NEXT)
    return None if row is None else row.at


def count_due(tx: Tx, now: int) -> int:
    row = tx.first(_COUNT, now=now)
    return 0 if row is None else int(row.n)


def backlog(tx: Tx, now: int) -> Backlog:
    row = tx.first(_BACKLOG, now=now)
    return Backlog(0, 0) if row is None else Backlog(int(row.due), int(row.since))


def failing(tx: Tx) -> tuple[tuple[str, int, str, int], ...]:
    """(key, failures, last error, due at) of what keeps failing."""
    return tuple((row.key, row.failures, row.error, row.due_at) for row in tx.all(_FAILING))
