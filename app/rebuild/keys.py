"""person_keys: every step in the life of the keys that people sign with."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text

from app.rebuild.model import Derived, Key, Projection, decoded
from manifests.record import Record

EVENTS = ("key.proposed", "key.enrolled", "key.revoked")


class KeyRow(msgspec.Struct, frozen=True):
    fingerprint: str
    step: int
    state: str
    person: str
    account: str
    public_key: str
    by: str
    at: int
    usable_at: int = 0
    reason: str = ""
    since: int = 0


_COLUMNS = ", ".join(KeyRow.__struct_fields__)


def derive(records: Iterable[Record]) -> dict[Key, Derived[KeyRow]]:
    """A record's data is the row itself."""
    found = ((decoded(KeyRow, record), record.seq) for record in records if record.event in EVENTS)
    return {(row.fingerprint, row.step): Derived(row, seq) for row, seq in found}


PROJECTION = Projection(
    table="person_keys", row=KeyRow, key=("fingerprint", "step"), prefixes=("key",), derive=derive,
    select=text(f"SELECT {_COLUMNS} FROM person_keys WHERE tenant = :log"),
    add=text(
        f"INSERT INTO person_keys (tenant, {_COLUMNS}) VALUES (:log, :fingerprint, :step, :state, :person, :account,"
        " :public_key, :by, :at, :usable_at, :reason, :since)"
    ),
)  # fmt: skip
