"""How far each sink has come: tables sinks and sink_progress."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, text

from app.db.tx import Tx

_COLUMNS = "sink, log, size, version, at, anchored_size, anchor_version, anchored_at, error, problem, alarmed_at"
_ONE = text(f"SELECT {_COLUMNS} FROM sink_progress WHERE sink = :sink AND log = :log")
_ALL = text(f"SELECT {_COLUMNS} FROM sink_progress ORDER BY sink, log")
_OPEN = text(
    f"INSERT INTO sink_progress ({_COLUMNS}) VALUES (:sink, :log, 0, '', 0, 0, '', 0, '', '', 0) ON CONFLICT DO NOTHING"
)
_DELIVERED = text(
    "UPDATE sink_progress SET size = :size, version = :version, at = :at, error = ''"
    " WHERE sink = :sink AND log = :log AND size = :before"
)
_RESET = text("UPDATE sink_progress SET size = :size WHERE sink = :sink AND log = :log")
_ANCHORED = text(
    "UPDATE sink_progress SET anchored_size = :size, anchor_version = :version, anchored_at = :at, error = ''"
    " WHERE sink = :sink AND log = :log AND anchored_size < :size"
)
_ERROR = text("UPDATE sink_progress SET error = :error WHERE sink = :sink AND log = :log AND error <> :error")
_PROBLEM = text("UPDATE sink_progress SET problem = :problem WHERE sink = :sink AND log = :log AND problem <> :problem")
_ALARM = text("UPDATE sink_progress SET alarmed_at = :at WHERE sink = :sink AND log = :log AND alarmed_at = 0")
_CALM = text("UPDATE sink_progress SET alarmed_at = 0 WHERE sink = :sink AND log = :log AND alarmed_at <> 0")
_PROBLEMS = text("SELECT sink, problem FROM sink_progress WHERE log = :log AND problem <> '' ORDER BY sink")
_LEASE = text(
    "INSERT INTO sinks (sink, owner, lease_until, problem) VALUES (:sink, :owner, :until, '') ON CONFLICT (sink)"
    " DO UPDATE SET owner = :owner, lease_until = :until"
    " WHERE sinks.owner = :owner OR sinks.lease_until < :now OR sinks.lease_until > :absurd"
)
_RELEASE = text("UPDATE sinks SET lease_until = 0 WHERE sink = :sink AND owner = :owner")
_FREE = text("UPDATE sinks SET lease_until = 0")
_KNOW = text("INSERT INTO sinks (sink, owner, lease_until, problem) VALUES (:sink, '', 0, '') ON CONFLICT DO NOTHING")
_CONDITION = text("UPDATE sinks SET problem = :problem WHERE sink = :sink AND problem <> :problem")
_LOGS = text("SELECT log, size FROM log_heads WHERE size > 0 ORDER BY log")

LONGEST = 4


class Progress(msgspec.Struct, frozen=True):
    """One sink and one log. ``size`` records are delivered, ``anchored_size`` is the newest anchor's; instants are
    microseconds since 1970 UTC. ``error`` is why the last attempt failed, ``problem`` what an anchor refutes."""

    sink: str
    log: str
    size: int = 0
    version: str = ""
    at: int = 0
    anchored_size: int = 0
    anchor_version: str = ""
    anchored_at: int = 0
    error: str = ""
    problem: str = ""
    alarmed_at: int = 0


def logs(tx: Tx) -> tuple[tuple[str, int], ...]:
    """Every log that has records, and how many."""
    return tuple((row.log, row.size) for row in tx.all(_LOGS))


def progress(tx: Tx, sink: str, log: str) -> Progress:
    row = tx.first(_ONE, sink=sink, log=log)
    return _progress(row) if row is not None else Progress(sink, log)


def all_progress(tx: Tx) -> Sequence[Progress]:
    return [_progress(row) for row in tx.all(_ALL)]


def begin(tx: Tx, sink: str, log: str) -> None:
    """A row to move on from."""
    tx.run(_OPEN, sink=sink, log=log)


def delivered(tx: Tx, sink: str, log: str, before: int, size: int, version: str, at: int) -> bool:
    """Whether this sink stood at ``before`` and now stands at ``size``; not if another replica was faster."""
    return bool(tx.run(_DELIVERED, sink=sink, log=log, before=before, size=size, version=version, at=at).rowcount)


def reset(tx: Tx, sink: str, log: str, size: int) -> None:
    """To what the log itself says was delivered."""
    tx.run(_RESET, sink=sink, log=log, size=size)


def anchored(tx: Tx, sink: str, log: str, size: int, version: str, at: int) -> None:
    tx.run(_ANCHORED, sink=sink, log=log, size=size, version=version, at=at)


def failed(tx: Tx, sink: str, log: str, error: str) -> None:
    tx.run(_ERROR, sink=sink, log=log, error=error)


def refuted(tx: Tx, sink: str, log: str, problem: str) -> bool:
    """What an anchor shows, nothing when all is well; whether that is news."""
    begin(tx, sink, log)
    return bool(tx.run(_PROBLEM, sink=sink, log=log, problem=problem).rowcount)


def disowned(tx: Tx, known: Collection[str]) -> list[tuple[str, str, str]]:
    """Sink, log and problem of those that the settings name no more; they refute nothing from now on."""
    found = [(row.sink, row.log, row.problem) for row in tx.all(_ALL) if row.problem and row.sink not in known]
    for sink, log, _ in found:
        tx.run(_PROBLEM, sink=sink, log=log, problem="")
    return found


def alarm(tx: Tx, sink: str, log: str, at: int) -> bool:
    """That it lags too far since ``at``, 0 for no longer; whether that is news."""
    if at:
        return bool(tx.run(_ALARM, sink=sink, log=log, at=at).rowcount)
    return bool(tx.run(_CALM, sink=sink, log=log).rowcount)


def problem_of(tx: Tx, log: str) -> str:
    """Why an anchor says that this log is not what it was; nothing when none does."""
    return " ".join(row.problem for row in tx.all(_PROBLEMS, log=log))


def anchored_size(tx: Tx, log: str) -> int:
    """How many records of a log are under an anchor outside the database, the best of all sinks."""
    return max((one.anchored_size for one in all_progress(tx) if one.log == log), default=0)


def know(tx: Tx, sink: str) -> None:
    """A row for what is found out about the place itself."""
    tx.run(_KNOW, sink=sink)


def condition(tx: Tx, sink: str, problem: str) -> bool:
    """What is wrong with the place itself; whether that is news."""
    return bool(tx.run(_CONDITION, sink=sink, problem=problem).rowcount)


def lease(tx: Tx, sink: str, owner: str, now: int, until: int) -> bool:
    """Whether this replica feeds the sink until then. A lease many times as long is of a clock that was ahead."""
    absurd = until + LONGEST * (until - now)
    return bool(tx.run(_LEASE, sink=sink, owner=owner, now=now, until=until, absurd=absurd).rowcount)


def release(tx: Tx, sink: str, owner: str) -> None:
    tx.run(_RELEASE, sink=sink, owner=owner)


def free_all(tx: Tx) -> None:
    """Leases of a process that is gone; only where there can be no other."""
    tx.run(_FREE)


def _progress(row: Row[Any]) -> Progress:
    return Progress(**row._mapping)
