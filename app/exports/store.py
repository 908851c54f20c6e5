"""Table exports: what was asked, by whom, how far it is. The files lie elsewhere, named by the id."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, text

from app.db.tx import Tx
from app.exports.model import Ask, State, Summary

_COLUMNS = (
    "id, tenant, asked_by, ask_json, state, attempts, done, total, summary_json, bytes, error, created_at, finished_at"
)
_ADD = text(
    "INSERT INTO exports (id, tenant, asked_by, ask_json, state, attempts, owner, lease_until, done, total, "
    "summary_json, bytes, error, created_at, finished_at) VALUES (:id, :tenant, :asked_by, :ask, 'waiting', 0, '', 0, "
    "0, 0, '', 0, '', :at, 0)"
)
_LIST = text(f"SELECT {_COLUMNS} FROM exports WHERE tenant = :tenant ORDER BY created_at DESC, id")
_ONE = text(f"SELECT {_COLUMNS} FROM exports WHERE tenant = :tenant AND id = :id")
_NEXT = text(
    f"SELECT {_COLUMNS} FROM exports WHERE state = 'waiting' OR (state = 'running' AND lease_until < :now) "
    "ORDER BY created_at, id LIMIT 1"
)
_CLAIM = text(
    "UPDATE exports SET state = 'running', owner = :owner, lease_until = :until, attempts = attempts + 1, done = 0 "
    "WHERE id = :id AND attempts = :attempts AND (state = 'waiting' OR (state = 'running' AND lease_until < :now))"
)
_HELD = " WHERE id = :id AND state = 'running' AND owner = :owner"
_PROGRESS = text("UPDATE exports SET done = :done, total = :total, lease_until = :until" + _HELD)
_DONE = text(
    "UPDATE exports SET state = 'done', done = total, summary_json = :summary, bytes = :bytes, error = '', "
    "finished_at = :at" + _HELD
)
_FAILED = text("UPDATE exports SET state = 'failed', error = :error, finished_at = :at" + _HELD)
_RELEASE = text("UPDATE exports SET state = 'waiting', attempts = attempts - 1" + _HELD)
_FREE_ALL = text("UPDATE exports SET lease_until = 0 WHERE state = 'running'")
_REMOVE = text("DELETE FROM exports WHERE tenant = :tenant AND id = :id")
_EXPIRE = text("DELETE FROM exports WHERE state IN ('done', 'failed') AND finished_at < :before")
_IDS = text("SELECT id FROM exports")
_ALONE = text("SELECT log FROM log_heads WHERE log = :tenant FOR UPDATE")


class Export(msgspec.Struct, frozen=True):
    """``done`` of ``total`` records of the log were gone through. ``summary`` is there once it is done, ``bytes`` is
    the size of its file. Instants are microseconds since 1970 UTC, 0: not yet."""

    id: str
    tenant: str
    asked_by: str
    ask: Ask
    state: State
    attempts: int
    done: int
    total: int
    bytes: int
    error: str
    created_at: int
    finished_at: int
    summary: Summary | None = None


def alone(tx: Tx, tenant: str) -> None:
    """Until the transaction ends nobody else counts this tenant's exports. SQLite has one writer anyway; a log without
    records has nothing to lock, and nothing to export."""
    if tx.connection.dialect.name != "sqlite":
        tx.first(_ALONE, tenant=tenant)


def add(tx: Tx, identity: str, tenant: str, asked_by: str, ask: Ask, at: int) -> Export:
    tx.run(_ADD, id=identity, tenant=tenant, asked_by=asked_by, ask=msgspec.json.encode(ask).decode(), at=at)
    return Export(identity, tenant, asked_by, ask, "waiting", 0, 0, 0, 0, "", at, 0)


def of_tenant(tx: Tx, tenant: str) -> tuple[Export, ...]:
    """Newest first."""
    return tuple(_export(row) for row in tx.all(_LIST, tenant=tenant))


def one(tx: Tx, tenant: str, identity: str) -> Export | None:
    row = tx.first(_ONE, tenant=tenant, id=identity)
    return _export(row) if row is not None else None


def due(tx: Tx, now: int) -> bool:
    """Whether there is one that nobody makes."""
    return tx.first(_NEXT, now=now) is not None


def claim(tx: Tx, owner: str, now: int, until: int) -> Export | None:
    """The oldest that nobody makes now, held by ``owner`` until then; None if there is none, or another was quicker."""
    row = tx.first(_NEXT, now=now)
    if row is None:
        return None
    found = _export(row)
    claimed = tx.run(_CLAIM, id=found.id, attempts=found.attempts, owner=owner, now=now, until=until)
    return msgspec.structs.replace(found, attempts=found.attempts + 1) if claimed.rowcount else None


def progress(tx: Tx, identity: str, owner: str, done: int, total: int, until: int) -> bool:
    """Whether ``owner`` still holds it; it may have been removed, or taken by another."""
    return bool(tx.run(_PROGRESS, id=identity, owner=owner, done=done, total=total, until=until).rowcount)


def done(tx: Tx, identity: str, owner: str, summary: Summary, size: int, at: int) -> bool:
    written = msgspec.json.encode(summary).decode()
    return bool(tx.run(_DONE, id=identity, owner=owner, summary=written, bytes=size, at=at).rowcount)


def failed(tx: Tx, identity: str, owner: str, error: str, at: int) -> None:
    tx.run(_FAILED, id=identity, owner=owner, error=error, at=at)


def release(tx: Tx, identity: str, owner: str) -> None:
    """Put back what was begun and not finished, as if nobody had tried."""
    tx.run(_RELEASE, id=identity, owner=owner)


def free_all(tx: Tx) -> None:
    """For a database of one process only: whoever held anything is gone."""
    tx.run(_FREE_ALL)


def remove(tx: Tx, tenant: str, identity: str) -> bool:
    return bool(tx.run(_REMOVE, tenant=tenant, id=identity).rowcount)


def expire(tx: Tx, before: int) -> None:
    """Forget those that ended before then."""
    tx.run(_EXPIRE, before=before)


def ids(tx: Tx) -> frozenset[str]:
    return frozenset(row.id for row in tx.all(_IDS))


def _export(row: Row[Any]) -> Export:
    return Export(
        row.id, row.tenant, row.asked_by, msgspec.json.decode(row.ask_json, type=Ask), row.state, row.attempts,
        row.done, row.total, row.bytes, row.error, row.created_at, row.finished_at,
        msgspec.json.decode(row.summary_json, type=Summary) if row.summary_json else None,
    )  # fmt: skip
