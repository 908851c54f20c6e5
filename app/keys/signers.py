"""Which keys sign the next checkpoint of a log: what its records of keys come to, kept as one row for each key.

The rows change with the batch that holds such a record, in its transaction, so that every replica signs with the right
keys from that checkpoint on: a new key with the first that covers its record, a key that ended with none that does.
The rules are those of ``manifests.key_history``, which tells the same from the records alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from app.audit import rows, store
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.db.tx import Tx
from app.keys.errors import ServerKeyError
from app.keys.model import SYSTEM
from app.keys.ring import KeyRing
from manifests import key_history, note
from manifests.key_history import KeyFacts
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from manifests.record import Draft

_NOW = "SELECT fingerprint FROM log_signers WHERE log = {} AND ended = 0 ORDER BY fingerprint"
_KNOWN = text("SELECT ended FROM log_signers WHERE log = :log AND fingerprint = :fingerprint")
_ADD = text("INSERT INTO log_signers (log, fingerprint, ended) VALUES (:log, :fingerprint, 0)")
_END = text("UPDATE log_signers SET ended = 1 WHERE log = :log AND fingerprint = :fingerprint")
_LOGS = text("SELECT log FROM log_heads WHERE size > 0 ORDER BY log")


def signing(tx: Tx, log: str) -> tuple[str, ...]:
    """The fingerprints of the keys that sign this log; none for a log that has not begun."""
    return tuple(row[0] for row in rows.execute(tx, _NOW, (log,)).fetchall())


def begun(tx: Tx) -> tuple[str, ...]:
    """Every log that has a record."""
    return tuple(row.log for row in tx.all(_LOGS))


class LogSigners:
    """See app.audit.sequence.Signers."""

    def __init__(self, ring: KeyRing, origin_prefix: str = DEFAULT_ORIGIN) -> None:
        self._ring = ring
        self._prefix = origin_prefix

    def __call__(self, tx: Tx, log: str, drafts: Sequence[Draft]) -> Sequence[PrivateKey]:
        """Raises ServerKeyError when none of the keys that may sign is here: then nothing is written."""
        names = list(signing(tx, log)) or self._begin(tx, log)
        for draft in drafts:
            if draft.resource == key_history.RESOURCE and draft.component == key_history.COMPONENT:
                self._follow(tx, log, names, draft)
        keys = [key for name in names if (key := self._ring.find("log", name)) is not None]
        if not keys:
            raise missing(log, names, self._ring.log)
        return keys

    def _begin(self, tx: Tx, log: str) -> list[str]:
        """The first key of a log; of one that was written before this table was, a key that signed its last
        checkpoint."""
        newest = store.checkpoint(tx, log)
        first = self._ring.log if newest is None else self._signer(log, newest.note)
        if first is None:
            raise missing(log, ["that signed its last checkpoint"], self._ring.log)
        name = first.public.fingerprint
        tx.run(_ADD, log=log, fingerprint=name)
        return [name]

    def _signer(self, log: str, signed: str) -> PrivateKey | None:
        found = note.parse(signed.encode())
        for key in self._ring.of("log").all():
            if note.verified_by(found, [VerifierKey(origin(self._prefix, log), key.public)]):
                return key
        return None

    def _follow(self, tx: Tx, log: str, names: list[str], draft: Draft) -> None:
        found = msgspec.json.decode(draft.data, type=KeyFacts)
        if found.use != "log":
            return
        name = draft.after or draft.before
        if draft.event == "key.rotated":
            if found.replaces in names and tx.first(_KNOWN, log=log, fingerprint=name) is None:
                if not found.unvouched:
                    self._expect_old(log, found.replaces)
                tx.run(_ADD, log=log, fingerprint=name)
                names.append(name)
        elif draft.event != key_history.CREATED and name in names and (draft.event == "key.revoked" or len(names) > 1):
            tx.run(_END, log=log, fingerprint=name)
            names.remove(name)

    def _expect_old(self, log: str, old: str) -> None:
        """Only the old key can lead those who trust it to the new one."""
        if self._ring.find("log", old) is None:
            raise missing(log, [old], self._ring.log)


def missing(log: str, names: Sequence[str], have: PrivateKey) -> ServerKeyError:
    whose = f"log {log}" if log != SYSTEM else "the system log"
    return ServerKeyError(
        f"expected the key {' or '.join(names)} to sign {whose}, found {have.public.fingerprint}. Give the old key "
        "back (as keys.log, and the new one as keys.log_next); replicas share keys.directory or get the same keys. "
        "If the old key is lost: `countersign keys revoke FINGERPRINT --since now --reason lost --offline`"
    )
