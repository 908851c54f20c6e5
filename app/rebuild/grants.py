"""grants and their voids: the consents, of which the log holds digests and the blobs the words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Row, text

from app.db.tx import Tx
from app.rebuild.model import Derived, Key, Projection, decoded
from manifests.canonical import sha256_hex
from manifests.record import Record

_Unset = msgspec.UnsetType


class GrantRow(msgspec.Struct, frozen=True):
    """``consent`` is the SHA-256 of the row's ``consent_json``."""

    id: str
    release_id: str
    decision: str
    person: str
    statement: str
    consent: str
    object: str | _Unset = msgspec.UNSET
    nonce: str | _Unset = msgspec.UNSET
    signer: str | _Unset = msgspec.UNSET


class VoidRow(msgspec.Struct, frozen=True):
    grant_id: str
    reason: str
    cause: str | _Unset = msgspec.UNSET
    at: int = 0


class GrantData(msgspec.Struct, frozen=True):
    """The data of a ``grant.recorded`` record: digests of the consent and of the signed statement. Those of versions
    before this one end there."""

    consent: str
    decision: str
    person: str
    statement: str
    object: str | _Unset = msgspec.UNSET
    nonce: str | _Unset = msgspec.UNSET
    signer: str | _Unset = msgspec.UNSET


class VoidData(msgspec.Struct, frozen=True):
    """The data of a ``grant.voided`` record."""

    reason: str
    cause: str | _Unset = msgspec.UNSET


def derive(records: Iterable[Record]) -> dict[Key, Derived[GrantRow]]:
    found: dict[Key, Derived[GrantRow]] = {}
    for record in records:
        if record.event == "grant.recorded":
            _, release, grant = record.resource.split("/")
            said = decoded(GrantData, record)
            row = GrantRow(
                grant, release, said.decision, said.person, said.statement, said.consent, said.object, said.nonce,
                said.signer,
            )  # fmt: skip
            found.setdefault((grant,), Derived(row, record.seq))
    return found


def voids(records: Iterable[Record]) -> dict[Key, Derived[VoidRow]]:
    found: dict[Key, Derived[VoidRow]] = {}
    for record in records:
        if record.event == "grant.voided":
            said = decoded(VoidData, record)
            row = VoidRow(record.resource.rpartition("/")[2], said.reason, said.cause, record.ts)
            found.setdefault((row.grant_id,), Derived(row, record.seq))
    return found


def _shape(row: Row[Any]) -> GrantRow:
    digest = sha256_hex(str(row.consent_json).encode())
    return GrantRow(
        row.id, row.release_id, row.decision, row.person, row.statement, digest, row.object, row.nonce, row.signer
    )


_BLOB = text("SELECT body FROM blobs WHERE digest = :digest")


class _Place(msgspec.Struct, frozen=True):
    repository_id: int
    pull_number: int
    manifest_path: str
    issued_at: int


def _values(tx: Tx, row: GrantRow) -> dict[str, Any] | None:
    """With the words of the consent, if a blob still holds them."""
    found = tx.first(_BLOB, digest=row.consent)
    body = bytes(found.body) if found is not None else b""
    if sha256_hex(body) != row.consent or msgspec.UNSET in (row.object, row.nonce, row.signer):
        return None
    place = msgspec.json.decode(body, type=_Place)
    return msgspec.structs.asdict(row) | {
        "repository_id": place.repository_id, "number": place.pull_number, "path": place.manifest_path,
        "issued_at": place.issued_at, "consent_json": body.decode(),
    }  # fmt: skip


PROJECTION = Projection(
    table="grants", row=GrantRow, key=("id",), prefixes=("grant",), derive=derive, shape=_shape, values=_values,
    select=text(
        "SELECT id, release_id, decision, person, statement, object, nonce, signer, consent_json FROM grants"
        " WHERE tenant = :log"
    ),
    add=text(
        "INSERT INTO grants (id, tenant, release_id, repository_id, number, path, decision, person, object, statement,"
        " consent_json, nonce, signer, issued_at) VALUES (:id, :log, :release_id, :repository_id, :number, :path,"
        " :decision, :person, :object, :statement, :consent_json, :nonce, :signer, :issued_at)"
    ),
)  # fmt: skip
VOIDS = Projection(
    table="grant_voids", row=VoidRow, key=("grant_id",), prefixes=("grant",), derive=voids,
    compared=("reason", "cause"),
    select=text(
        "SELECT v.grant_id, v.reason, v.cause, v.at FROM grant_voids v LEFT JOIN grants g ON g.id = v.grant_id"
        " WHERE coalesce(g.tenant, :log) = :log"
    ),
    add=text("INSERT INTO grant_voids (grant_id, reason, cause, at) VALUES (:grant_id, :reason, :cause, :at)"),
)  # fmt: skip
