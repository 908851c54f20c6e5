"""tokens: what each may do, until when, and whether it was revoked. The log holds a token's digest, never its text."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text

from app.rebuild.model import Derived, Key, Projection, Rows, adopted, decoded
from manifests.record import Record

_Unset = msgspec.UnsetType


class TokenRow(msgspec.Struct, frozen=True):
    """``scope_json`` is canonical JSON; ``made_by`` who made it, an actor or ``operator``."""

    digest: str | _Unset
    id: str
    scope_json: str
    created_at: int
    expires_at: int
    revoked_at: int | None = None
    made_by: str = ""


class TokenData(msgspec.Struct, frozen=True):
    """The data of a ``token.created`` record. Versions before this one told no ``digest``."""

    expires_at: int
    scope: msgspec.Raw
    digest: str | _Unset = msgspec.UNSET


_COLUMNS = "digest, id, scope_json, created_at, expires_at, revoked_at, made_by"
OPERATOR = "operator"
"""Who makes tokens on the server itself."""


def maker(actor: str) -> str:
    return actor if actor.startswith("token:") else OPERATOR


def derive(records: Iterable[Record]) -> dict[Key, Derived[TokenRow]]:
    found: dict[Key, Derived[TokenRow]] = {}
    for record in records:
        key = (record.resource.partition("/")[2],)
        before = found.get(key)
        if record.event == "token.created" and before is None:
            found[key] = Derived(_created(record, decoded(TokenData, record)), record.seq)
        elif record.event == "token.revoked" and before is not None and before.row.revoked_at is None:
            found[key] = Derived(msgspec.structs.replace(before.row, revoked_at=record.ts), record.seq)
        elif adopted(record, "tokens"):
            found.update({(row.id,): Derived(row, record.seq) for row in decoded(Rows[TokenRow], record).rows})
    return found


def _created(record: Record, data: TokenData) -> TokenRow:
    scope = bytes(data.scope).decode()
    return TokenRow(
        data.digest, record.resource.partition("/")[2], scope, record.ts, data.expires_at,
        made_by=maker(record.actor_ref),
    )  # fmt: skip


PROJECTION = Projection(
    table="tokens", row=TokenRow, key=("id",), prefixes=("token",), derive=derive,
    adopt=lambda row: resource(row.id),
    select=text(f"SELECT {_COLUMNS} FROM tokens WHERE tenant = :log"),
    # The name stands sealed in the log: people put their own into it.
    add=text(
        f"INSERT INTO tokens (tenant, name, {_COLUMNS}) VALUES (:log, :id, :digest, :id, :scope_json, :created_at,"
        " :expires_at, :revoked_at, :made_by)"
    ),
    change=text(
        "UPDATE tokens SET digest = :digest, scope_json = :scope_json, created_at = :created_at,"
        " expires_at = :expires_at, revoked_at = :revoked_at, made_by = :made_by WHERE tenant = :log AND id = :id"
    ),
    remove=text("DELETE FROM tokens WHERE tenant = :log AND id = :id"),
)  # fmt: skip
ONE = text(f"SELECT {_COLUMNS} FROM tokens WHERE tenant = :log AND id = :id")


def resource(token_id: str) -> str:
    return f"token/{token_id}"
