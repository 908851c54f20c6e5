"""The table of tokens: digests and scopes, never a token's text."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, text

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.rebuild import tokens
from app.rebuild.compare import compare
from app.rebuild.memory import Memory
from app.rebuild.tokens import TokenRow
from app.tokens.model import Scope, Token
from manifests import canonical

_COLUMNS = "digest, id, tenant, name, scope_json, created_at, expires_at, revoked_at, made_by"
_ADD = text(
    "INSERT INTO tokens (digest, id, tenant, name, scope_json, created_at, expires_at, revoked_at, made_by)"
    " VALUES (:digest, :id, :tenant, :name, :scope, :created_at, :expires_at, NULL, :made_by)"
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
        made_by=token.made_by,
    )


def by_id(tx: Tx, token_id: str) -> tuple[Token, str] | None:
    """The token and the SHA-256 of its text."""
    row = tx.first(_BY_ID, id=token_id)
    return (_token(row), row.digest) if row is not None else None


def difference(tx: Tx, memory: Memory, token: Token) -> str:
    """How the row of a token differs from what the log says of it; empty when it does not."""
    resource = tokens.resource(token.id)
    try:
        said = memory.look(tx, token.tenant, [(tokens.PROJECTION, resource)]).of(tokens.PROJECTION)
    except RecordAlteredError as error:
        return f"record {error.seq} of log {error.log} was altered: {error.what}"
    rows = [TokenRow(*tuple(row)) for row in tx.all(tokens.ONE, log=token.tenant, id=token.id)]
    return "; ".join(map(str, compare(tokens.PROJECTION, said, rows)))


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
        made_by=row.made_by,
    )
