"""The table of tokens: digests and scopes, never a token's text."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, text

from app.db.tx import Tx
from app.tokens.model import Scope, Token
from manifests import canonical

_COLUMNS = "digest, id, tenant, name, scope_json, created_at, expires_at, revoked_at"
_ADD = text(
    "INSERT INTO tokens (digest, id, tenant, name, scope_json, created_at, expires_at, revoked_at)"
    " VALUES (:digest, :id, :tenant, :name, :scope, :created_at, :expires_at, NULL)"
)
_BY_ID = text(f"SELECT {_COLUMNS} FROM tokens WHERE id = :id")
_ALL = text(f"SELECT {_COLUMNS} FROM tokens WHERE tenant = :tenant ORDER BY created_at, id")
_REVOKE = text("UPDATE tokens SET revoked_at = :at WHERE tenant = :tenant AND id = :id AND revoked_at IS NULL")


def add(tx: Tx, token: Token, digest: str) -> None:
    tx.run(
        _ADD,
        digest=digest,
        id=token.id,
        tenant=token.tenant,
        name=token.name,
        scope=canonical.encode(token.scope).decode(),
        created_at=token.created_at,
        expires_at=token.expires_at,
    )


def by_id(tx: Tx, token_id: str) -> tuple[Token, str] | None:
    """The token and the SHA-256 of its text."""
    row = tx.first(_BY_ID, id=token_id)
    return (_token(row), row.digest) if row is not None else None


def of_tenant(tx: Tx, tenant: str) -> tuple[Token, ...]:
    """Oldest first, the revoked and expired too."""
    return tuple(_token(row) for row in tx.all(_ALL, tenant=tenant))


def revoke(tx: Tx, tenant: str, token_id: str, at: int) -> bool:
    """Whether there was such a token that was not revoked before."""
    return tx.run(_REVOKE, tenant=tenant, id=token_id, at=at).rowcount == 1


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        scope=msgspec.json.decode(row.scope_json, type=Scope),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
