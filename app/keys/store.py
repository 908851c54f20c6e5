"""Rows that say which keys of the server are in use in each log: what its records of keys come to.

They change in the transaction that adds such a record, and nothing but signing relies on them: whoever verifies reads
the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, text

from app.audit import rows
from app.db.tx import Tx
from app.keys import records
from app.keys.errors import ServerKeyError
from app.keys.model import KeyUse
from manifests import key_history
from manifests.errors import ManifestError
from manifests.key_history import KeyHistory
from manifests.key_times import Term
from manifests.keys import PublicKey

ENDED, REVOKED = 1, 2

_SIGNING = "SELECT fingerprint FROM log_keys WHERE log = {} AND use = 'log' AND ended = 0 ORDER BY place"
_COLUMNS = "log, use, fingerprint, public_key, place, at, ended"
_OF_USE = text(f"SELECT {_COLUMNS} FROM log_keys WHERE use = :use ORDER BY log, place")
_ONE = text(f"SELECT {_COLUMNS} FROM log_keys WHERE log = :log AND use = :use AND fingerprint = :fingerprint")
_ADD = text(
    "INSERT INTO log_keys (log, use, fingerprint, public_key, place, at, ended) VALUES (:log, :use, :fingerprint, "
    ":public_key, (SELECT COUNT(*) FROM log_keys WHERE log = :log AND use = :use), :at, 0)"
)
_END = text("UPDATE log_keys SET ended = :how WHERE log = :log AND use = :use AND fingerprint = :fingerprint")
_LOGS = text("SELECT log FROM log_heads WHERE size > 0 ORDER BY log")
_VERSION = text("SELECT COUNT(*) AS keys, COALESCE(SUM(ended), 0) AS ended FROM log_keys")


class LogKey(msgspec.Struct, frozen=True):
    """A key in one log. ``place`` counts from 0 in the order of their coming, ``at`` is the instant of the record
    that named it (microseconds since 1970 UTC), ``ended`` 0 while it is in use."""

    log: str
    use: KeyUse
    fingerprint: str
    line: str
    place: int
    at: int
    ended: int

    @property
    def public(self) -> PublicKey:
        """Raises ServerKeyError for a row that was altered."""
        try:
            key = key_history.public(self.line)
        except ManifestError:
            key = None
        if key is None or key.fingerprint != self.fingerprint:
            raise ServerKeyError(
                f"expected the public key {self.fingerprint} in the row of log {self.log}, found another; treat this "
                "as tampering with the table log_keys: run `countersign audit verify`"
            )
        return key


def signing(tx: Tx, log: str) -> list[str]:
    """The fingerprints of the keys that sign this log, oldest first; none for a log that has not begun."""
    return [row[0] for row in rows.execute(tx, _SIGNING, (log,)).fetchall()]


def of_use(tx: Tx, use: KeyUse) -> dict[str, list[LogKey]]:
    """By log, every key that was ever in use there, in the order of their coming; all logs that have begun."""
    found: dict[str, list[LogKey]] = {log: [] for log in begun(tx)}
    for row in tx.all(_OF_USE, use=use):
        found.setdefault(row.log, []).append(_read(row))
    return found


def find(tx: Tx, log: str, use: KeyUse, fingerprint: str) -> LogKey | None:
    row = tx.first(_ONE, log=log, use=use, fingerprint=fingerprint)
    return _read(row) if row is not None else None


def add(tx: Tx, log: str, use: KeyUse, key: PublicKey, at: int) -> bool:
    """False, and nothing changed, for a key that is there or was."""
    if find(tx, log, use, key.fingerprint) is not None:
        return False
    tx.run(_ADD, log=log, use=use, fingerprint=key.fingerprint, public_key=key.to_openssh(), at=at)
    return True


def end(tx: Tx, log: str, use: KeyUse, fingerprint: str, how: int) -> None:
    tx.run(_END, log=log, use=use, fingerprint=fingerprint, how=how)


def restate(tx: Tx, log: str, history: KeyHistory, terms: Sequence[Term]) -> None:
    """Make the rows of a log say what its records do, after they were brought back from elsewhere."""
    named_at = {one.after: one.ts for one in records.of_keys(tx, log) if one.after}
    for period in history.periods:
        name = period.key.fingerprint
        add(tx, log, "log", period.key, named_at.get(name, 0))
        end(tx, log, "log", name, _how(period.last is not None, period.counts_to is not None))
    for term in terms:
        add(tx, log, "gate", term.key, term.since)
        end(tx, log, "gate", term.key.fingerprint, _how(term.until is not None, term.void_from is not None))


def _how(ended: bool, revoked: bool) -> int:
    return REVOKED if revoked else ENDED if ended else 0


def begun(tx: Tx) -> tuple[str, ...]:
    """Every log that has a record."""
    return tuple(row.log for row in tx.all(_LOGS))


def _read(row: Row[Any]) -> LogKey:
    return LogKey(row.log, row.use, row.fingerprint, row.public_key, row.place, row.at, row.ended)


def version(tx: Tx) -> tuple[int, int, int]:
    """Differs once a key does, or a log begins."""
    row = tx.first(_VERSION)
    assert row is not None
    return int(row.keys), int(row.ended), len(begun(tx))
