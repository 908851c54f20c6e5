"""People's keys: one current key for each subject, wrapped under the seal key. Not append-only, and in no WORM copy.

A subject is a person's random id; ``github:<id>`` where a person is not known yet; or what a record is about
(``token:<id>``, ``change:<correlation id>``) where its text names nobody we know.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import text

from app.clock import Clock, NewId, new_id
from app.db.tx import Tx
from app.privacy.kek import SealKeys
from app.privacy.zeroing import zeroing
from manifests import sealing

_CURRENT = text(
    "SELECT id, wrapped FROM subject_keys WHERE tenant = :tenant AND person = :subject AND destroyed_at = 0"
)
_BY_ID = text("SELECT person, wrapped, destroyed_at FROM subject_keys WHERE tenant = :tenant AND id = :id")
_ADD = text(
    "INSERT INTO subject_keys (id, tenant, person, wrapped, created_at, destroyed_at)"
    " VALUES (:id, :tenant, :subject, :wrapped, :at, 0) ON CONFLICT DO NOTHING"
)
_IDS = text("SELECT id FROM subject_keys WHERE tenant = :tenant AND person = :subject ORDER BY created_at, id")
_OVERWRITE = text("UPDATE subject_keys SET wrapped = :zeros WHERE tenant = :tenant AND id = :id")
_DESTROY = text(
    "UPDATE subject_keys SET wrapped = :nothing, destroyed_at = CASE WHEN destroyed_at = 0 THEN :at ELSE destroyed_at"
    " END WHERE tenant = :tenant AND id = :id"
)
_REWRAP = text("UPDATE subject_keys SET wrapped = :wrapped WHERE tenant = :tenant AND id = :id AND destroyed_at = 0")
_ALL = text("SELECT tenant, id, person, wrapped FROM subject_keys WHERE destroyed_at = 0 ORDER BY tenant, id")


class DataKey(msgspec.Struct, frozen=True):
    """A person's key in the clear: 32 bytes, for one moment."""

    id: str
    subject: str
    key: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.id})"


class SubjectKeys:
    """``randomness`` gives that many bytes from the operating system."""

    def __init__(
        self, seal_keys: SealKeys, clock: Clock, make_id: NewId = new_id,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:  # fmt: skip
        self._seal_keys = seal_keys
        self._clock = clock
        self._new_id = make_id
        self._randomness = randomness

    def current(self, tx: Tx, tenant: str, subject: str) -> DataKey:
        """The subject's key, made if there is none: who comes back gets another. Raises SealKeyError."""
        row = tx.first(_CURRENT, tenant=tenant, subject=subject)
        if row is None:
            identity, key = self._new_id(), self._randomness(sealing.KEY_BYTES)
            wrapped = self._seal_keys.wrap(key, _context(tenant, subject, identity))
            tx.run(_ADD, id=identity, tenant=tenant, subject=subject, wrapped=wrapped, at=self._clock())
            # Another replica may have been first; then its key is the one.
            row = tx.first(_CURRENT, tenant=tenant, subject=subject)
            assert row is not None
        return DataKey(row.id, subject, self._unwrapped(tenant, subject, row.id, row.wrapped))

    def by_id(self, tx: Tx, tenant: str, key_id: str) -> DataKey | None:
        """None for a key that was destroyed or is not there. Raises SealKeyError."""
        row = tx.first(_BY_ID, tenant=tenant, id=key_id)
        if row is None or not bytes(row.wrapped):
            return None
        return DataKey(key_id, row.person, self._unwrapped(tenant, row.person, key_id, row.wrapped))

    def rewrap(self, tx: Tx) -> int:
        """Wrap every key anew that a former seal key wrapped; how many there were. Raises SealKeyError."""
        done = 0
        for row in tx.all(_ALL):
            if not self._seal_keys.is_current(bytes(row.wrapped)):
                key = self._unwrapped(row.tenant, row.person, row.id, row.wrapped)
                wrapped = self._seal_keys.wrap(key, _context(row.tenant, row.person, row.id))
                tx.run(_REWRAP, wrapped=wrapped, tenant=row.tenant, id=row.id)
                done += 1
        return done

    def nonce(self) -> bytes:
        return self._randomness(sealing.NONCE_BYTES)

    def _unwrapped(self, tenant: str, subject: str, key_id: str, wrapped: bytes) -> bytes:
        return self._seal_keys.unwrap(bytes(wrapped), _context(tenant, subject, key_id))


def ids_of(tx: Tx, tenant: str, subject: str) -> tuple[str, ...]:
    """Every key that a subject ever had, destroyed ones too."""
    return tuple(row.id for row in tx.all(_IDS, tenant=tenant, subject=subject))


def subject_of(tx: Tx, tenant: str, key_id: str) -> str:
    """Whose key it is or was; empty for one that nobody had."""
    row = tx.first(_BY_ID, tenant=tenant, id=key_id)
    return "" if row is None else str(row.person)


def destroy(tx: Tx, tenant: str, key_ids: Sequence[str], at: int) -> None:
    """Overwrite the wrapped keys, then empty them."""
    with zeroing(tx):
        for key_id in key_ids:
            row = tx.first(_BY_ID, tenant=tenant, id=key_id)
            if row is not None:
                # In place first: the same length stays in the same cell of the page.
                tx.run(_OVERWRITE, zeros=bytes(len(row.wrapped)), tenant=tenant, id=key_id)
                tx.run(_DESTROY, nothing=b"", at=at, tenant=tenant, id=key_id)


def _context(tenant: str, subject: str, key_id: str) -> bytes:
    return sealing.context("subject-key", tenant, subject, key_id)
