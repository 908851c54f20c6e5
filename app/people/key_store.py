"""The keys that people sign with, as append-only steps: proposed, enrolled, revoked. A key has one person for ever."""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import text

from app.db.tx import Tx

_COLUMNS = "fingerprint, step, state, person, account, public_key, by, at, usable_at, reason, since"
_ADD = text(
    f"INSERT INTO person_keys (tenant, {_COLUMNS}) VALUES (:tenant, :fingerprint, :step, :state, :person, :account,"
    " :public_key, :by, :at, :usable_at, :reason, :since) ON CONFLICT (tenant, fingerprint, step) DO NOTHING"
)
_OF_KEY = text(
    f"SELECT {_COLUMNS} FROM person_keys WHERE tenant = :tenant AND fingerprint = :fingerprint ORDER BY step"
)
_ALL = text(f"SELECT {_COLUMNS} FROM person_keys WHERE tenant = :tenant ORDER BY fingerprint, step")

KeyState = Literal["proposed", "enrolled", "revoked"]
Reason = Literal["", "superseded", "compromised"]


class KeyStep(msgspec.Struct, frozen=True):
    """One step in the life of a key. ``usable_at`` is set when it is enrolled, ``reason`` and ``since`` when it is
    revoked; instants in microseconds since 1970 UTC. ``by`` is who asked for the step."""

    fingerprint: str
    step: int
    state: KeyState
    person: str
    account: str
    public_key: str
    by: str
    at: int
    usable_at: int = 0
    reason: Reason = ""
    since: int = 0


def add(tx: Tx, tenant: str, step: KeyStep) -> bool:
    """Whether it was written; not when another step took its place meanwhile."""
    return bool(tx.run(_ADD, tenant=tenant, **msgspec.structs.asdict(step)).rowcount)


def of_key(tx: Tx, tenant: str, fingerprint: str) -> tuple[KeyStep, ...]:
    return tuple(KeyStep(*tuple(row)) for row in tx.all(_OF_KEY, tenant=tenant, fingerprint=fingerprint))


def everything(tx: Tx, tenant: str) -> tuple[KeyStep, ...]:
    return tuple(KeyStep(*tuple(row)) for row in tx.all(_ALL, tenant=tenant))
