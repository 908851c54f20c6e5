"""Personal texts of records: sealed when they are written, opened for whoever may."""

from __future__ import annotations

import msgspec

from app.db.tx import Tx
from app.privacy.keys import DataKey, SubjectKeys
from manifests import sealing
from manifests.record import Draft, Record, Sealed
from manifests.sealing import Place


class Sealer:
    """Seals under the key of the subject that a text is about."""

    def __init__(self, keys: SubjectKeys) -> None:
        self.keys = keys

    def draft(self, tx: Tx, log: str, subject: str, draft: Draft, **fields: str) -> Draft:
        """The draft with these fields sealed; empty ones are left out. Raises SealKeyError."""
        told = {name: value for name, value in fields.items() if value}
        if not told:
            return draft
        key = self.keys.current(tx, log, subject)
        sealed = tuple(
            sealing.seal(key.key, key.id, Place(log, draft.trace_id, draft.event, name), told[name], self.keys.nonce())
            for name in sorted(told)
        )
        return msgspec.structs.replace(draft, sealed=draft.sealed + sealed)

    def record(self, tx: Tx, record: Record) -> dict[str, str | None]:
        """The sealed fields of a record; None for one whose key is gone.

        Raises ManifestError for a field that its key does not open, SealKeyError."""
        found: dict[str, str | None] = {}
        for sealed in record.sealed:
            key = self.keys.by_id(tx, record.log, sealed.key)
            place = sealing.place_of(record, sealed.field)
            found[sealed.field] = None if key is None else sealing.unseal(key.key, sealed, place)
        return found

    def text(self, tx: Tx, tenant: str, subject: str, place: str, text: str) -> str:
        """A text for a row that is no record, as JSON. ``place`` says where it stands: it opens nowhere else."""
        key = self.keys.current(tx, tenant, subject)
        sealed = sealing.seal(key.key, key.id, Place(tenant, place, "", "text"), text, self.keys.nonce())
        return msgspec.json.encode(sealed).decode()

    def opened(self, tx: Tx, tenant: str, place: str, stored: str) -> str | None:
        """What ``text`` sealed; None when its key is gone. Raises ManifestError, SealKeyError."""
        sealed = msgspec.json.decode(stored, type=Sealed)
        key = self.keys.by_id(tx, tenant, sealed.key)
        return None if key is None else sealing.unseal(key.key, sealed, Place(tenant, place, "", "text"))

    def body(self, key: DataKey, tenant: str, digest: str, body: bytes) -> bytes:
        """A delivery's body under a key, bound to its digest."""
        return sealing.encrypt(key.key, sealing.context("delivery", tenant, digest, key.id), body, self.keys.nonce())

    def opened_body(self, key: DataKey, tenant: str, digest: str, box: bytes) -> bytes:
        """Raises ManifestError for an altered box."""
        return sealing.decrypt(key.key, sealing.context("delivery", tenant, digest, key.id), box, "body")


def commits_to(key: DataKey, sealed: Sealed) -> bool:
    """Whether this is the key that a sealed field was sealed under."""
    return sealing.commitment(key.key) == sealed.commitment
