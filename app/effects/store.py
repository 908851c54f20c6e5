"""What shall be seen outside: one row per thing, holding what is wanted and what was last delivered."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx

_WANT = text(
    "INSERT INTO effects (key, kind, wanted, payload, done, remote_id, cause, updated_at)"
    " VALUES (:key, :kind, :wanted, :payload, '', '', :cause, :at) ON CONFLICT (key) DO UPDATE SET"
    " wanted = excluded.wanted, payload = excluded.payload, cause = excluded.cause,"
    " updated_at = excluded.updated_at WHERE effects.wanted <> excluded.wanted"
)
_GET = text("SELECT key, kind, wanted, payload, done, remote_id, cause FROM effects WHERE key = :key")
_PENDING = text(
    "SELECT key, kind, wanted, payload, done, remote_id, cause FROM effects"
    " WHERE key >= :first AND key < :last AND wanted <> done ORDER BY key"
)
_DROP = text(
    "UPDATE effects SET done = wanted, payload = :nothing, updated_at = :at"
    " WHERE key >= :first AND key < :last AND wanted <> done"
)
_AGAIN = text("UPDATE effects SET wanted = '', done = '' WHERE key = :key")
# What was delivered names people, and is not needed again.
_DONE = text(
    "UPDATE effects SET done = :digest, remote_id = :remote_id, updated_at = :at,"
    " payload = CASE WHEN wanted = :digest THEN :nothing ELSE payload END WHERE key = :key"
)


class Effect(msgspec.Struct, frozen=True):
    """``wanted`` and ``done`` are content digests, ``payload`` the content until done, ``cause`` the resource of the
    record that precedes it, ``remote_id`` what the neighbour calls it."""

    key: str
    kind: str
    wanted: str
    payload: bytes
    done: str
    remote_id: str
    cause: str


def want(tx: Tx, key: str, kind: str, wanted: str, payload: bytes, cause: str, at: int) -> None:
    tx.run(_WANT, key=key, kind=kind, wanted=wanted, payload=payload, cause=cause, at=at)


def get(tx: Tx, key: str) -> Effect | None:
    row = tx.first(_GET, key=key)
    return None if row is None else Effect(*tuple(row))


def pending(tx: Tx, prefix: str) -> tuple[Effect, ...]:
    """Those whose key starts with ``prefix``, which ends in a slash, and that are not delivered as wanted."""
    rows = tx.all(_PENDING, first=prefix, last=prefix[:-1] + "0")
    return tuple(Effect(*tuple(row)) for row in rows)


def drop(tx: Tx, prefix: str, at: int) -> None:
    """Nobody needs to see any more what is pending under ``prefix``, which ends in a slash."""
    tx.run(_DROP, first=prefix, last=prefix[:-1] + "0", at=at, nothing=b"")


def again(tx: Tx, key: str) -> None:
    """Somebody asked for it once more, though its content is the same."""
    tx.run(_AGAIN, key=key)


def delivered(tx: Tx, key: str, digest: str, remote_id: str, at: int) -> None:
    tx.run(_DONE, key=key, digest=digest, remote_id=remote_id, at=at, nothing=b"")
