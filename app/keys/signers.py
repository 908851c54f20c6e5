"""Which keys sign the next checkpoint of a log, on every replica the right ones from that checkpoint on.

A new key signs with the first that covers its record, a key that ended with none that does. The rules are those of
``manifests.key_history`` and ``manifests.key_times``, which tell the same from the records alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.audit import store as audit
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.db.tx import Tx
from app.keys import store
from app.keys.errors import ServerKeyError
from app.keys.model import SYSTEM
from app.keys.ring import KeyRing
from manifests import key_history, note
from manifests.key_history import KeyFacts
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from manifests.record import Draft


class LogSigners:
    """See app.audit.sequence.Signers."""

    def __init__(self, ring: KeyRing, origin_prefix: str = DEFAULT_ORIGIN) -> None:
        self._ring = ring
        self._prefix = origin_prefix

    def __call__(self, tx: Tx, log: str, drafts: Sequence[Draft]) -> Sequence[PrivateKey]:
        """Raises ServerKeyError when none of the keys that may sign is here: then nothing is written."""
        names = store.signing(tx, log) or self._begin(tx, log, drafts[0].ts)
        for draft in drafts:
            if draft.resource == key_history.RESOURCE and draft.component == key_history.COMPONENT:
                self._follow(tx, log, names, draft)
        keys = [key for name in names if (key := self._ring.find("log", name)) is not None]
        if not keys:
            raise missing(log, names, self._ring.log)
        return keys

    def _begin(self, tx: Tx, log: str, at: int) -> list[str]:
        """The first key of a log; of one that was written before this table was, a key that signed its last
        checkpoint."""
        newest = audit.checkpoint(tx, log)
        first = self._ring.log if newest is None else self._signer(log, newest.note)
        if first is None:
            raise missing(log, ["that signed its last checkpoint"], self._ring.log)
        store.add(tx, log, "log", first.public, at)
        return [first.public.fingerprint]

    def _signer(self, log: str, signed: str) -> PrivateKey | None:
        found = note.parse(signed.encode())
        for key in self._ring.of("log").all():
            if note.verified_by(found, [VerifierKey(origin(self._prefix, log), key.public)]):
                return key
        return None

    def _follow(self, tx: Tx, log: str, names: list[str], draft: Draft) -> None:
        found = msgspec.json.decode(draft.data, type=KeyFacts)
        name = draft.after or draft.before
        if found.use == "gate":
            _follow_gate(tx, log, name, draft, found)
        elif draft.event == "key.rotated":
            if found.replaces in names and store.find(tx, log, "log", name) is None:
                if not found.unvouched:
                    self._expect_old(log, found.replaces)
                store.add(tx, log, "log", key_history.public(found.public_key), draft.ts)
                names.append(name)
        elif draft.event == "key.revoked" or (draft.event == "key.retired" and name in names and len(names) > 1):
            store.end(tx, log, "log", name, _how(draft))
            names[:] = [one for one in names if one != name]

    def _expect_old(self, log: str, old: str) -> None:
        """Only the old key can lead those who trust it to the new one."""
        if self._ring.find("log", old) is None:
            raise missing(log, [old], self._ring.log)


def _follow_gate(tx: Tx, log: str, name: str, draft: Draft, found: KeyFacts) -> None:
    if draft.event in (key_history.CREATED, "key.rotated"):
        if found.replaces_key:
            store.add(tx, log, "gate", key_history.public(found.replaces_key), 0)
        store.add(tx, log, "gate", key_history.public(found.public_key), draft.ts)
    else:
        store.add(tx, log, "gate", key_history.public(found.public_key), 0)
        store.end(tx, log, "gate", name, _how(draft))


def _how(draft: Draft) -> int:
    return store.REVOKED if draft.event == "key.revoked" else store.ENDED


def missing(log: str, names: Sequence[str], have: PrivateKey) -> ServerKeyError:
    whose = f"log {log}" if log != SYSTEM else "the system log"
    return ServerKeyError(
        f"expected the key {' or '.join(names)} to sign {whose}, found {have.public.fingerprint}. Give the old key "
        "back (as keys.log, and the new one as keys.log_next); replicas share keys.directory or get the same keys. "
        "If the old key is lost: `countersign keys revoke FINGERPRINT --since now --reason lost --offline`"
    )
