"""Who is logged in to the console. A session stands for a token and never outlives it."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable

from sqlalchemy import text

from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.rebuild.memory import Memory
from app.tokens import store as tokens
from app.tokens.model import TokenScope

LIFETIME_S = 8 * 3600
ID_BYTES = 32

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
_ADD = text(
    "INSERT INTO console_sessions (digest, token_id, created_at, expires_at)"
    " VALUES (:digest, :token_id, :created_at, :expires_at)"
)
_ONE = text("SELECT token_id FROM console_sessions WHERE digest = :digest AND created_at <= :at AND expires_at > :at")
_REMOVE = text("DELETE FROM console_sessions WHERE digest = :digest")
_FORGET = text("DELETE FROM console_sessions WHERE expires_at <= :at")


class Sessions:
    """Kept in the database under the digest of their 256-bit id, which the browser alone holds."""

    def __init__(
        self, database: Database, clock: Clock, randomness: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._memory = Memory()

    async def open(self, token_id: str) -> str:
        """A new session of ``LIFETIME_S`` for whoever showed this token; answers its id for the cookie."""
        identity = base64.urlsafe_b64encode(self._randomness(ID_BYTES)).rstrip(b"=").decode()
        now = self._clock()

        def unit(tx: Tx) -> None:
            tx.run(_FORGET, at=now)
            tx.run(
                _ADD, digest=_digest(identity), token_id=token_id, created_at=now, expires_at=now + LIFETIME_S * SECOND
            )

        await self._database.write(unit)
        return identity

    async def viewer(self, identity: str) -> TokenScope | None:
        """Who holds this session; None when it is unknown or over, or its token is revoked or expired."""
        if not _FORM.fullmatch(identity):
            return None
        now = self._clock()

        def unit(tx: Tx) -> TokenScope | None:
            row = tx.first(_ONE, digest=_digest(identity), at=now)
            found = tokens.by_id(tx, row.token_id) if row is not None else None
            if found is None:
                return None
            token = found[0]
            if token.revoked_at is not None or not token.created_at <= now < token.expires_at:
                return None
            if tokens.difference(tx, self._memory, token):
                return None
            return TokenScope(f"token:{token.id}", token.tenant, token.scope)

        return await self._database.read(unit)

    async def close(self, identity: str) -> None:
        if _FORM.fullmatch(identity):
            await self._database.write(lambda tx: tx.run(_REMOVE, digest=_digest(identity)))


def _digest(identity: str) -> str:
    # The id holds 256 random bits, so a slow hash would protect nothing.
    return hashlib.sha256(identity.encode()).hexdigest()
