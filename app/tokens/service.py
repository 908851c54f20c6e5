"""Make, list, revoke and verify tokens. Each making and revoking is a record in the tenant's log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence

from cachetools import TTLCache

from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.privacy.sealer import Sealer
from app.rebuild.memory import Memory
from app.rebuild.settled import settled
from app.rebuild.tokens import maker
from app.tokens import store
from app.tokens.errors import BeyondScopeError, TokenError, UnknownTokenError, WorkflowScopeError
from app.tokens.model import (
    ID_BYTES,
    MAX_LIFETIME_DAYS,
    PREFIX,
    SECRET_BYTES,
    NewToken,
    Scope,
    Token,
    TokenScope,
    token_id,
)
from manifests.record import Draft, facts
from manifests.vocabulary import Event

CACHE_S = 5
"""How long a revocation made by another replica may go unnoticed."""
CACHED = 1024
DAY = 86_400 * SECOND
NAME_LIMIT = 100


class Tokens:
    """The tokens of all tenants. ``randomness`` gives that many bytes from the operating system."""

    def __init__(
        self, database: Database, clock: Clock, randomness: Callable[[int], bytes] = secrets.token_bytes,
        memory: Memory | None = None, on_difference: Callable[[Sequence[str]], None] = lambda differences: None,
        sealer: Sealer | None = None,
    ) -> None:  # fmt: skip
        """``on_difference`` is told of tokens whose rows are not what the log says: those are worth nothing. With
        ``sealer`` the log keeps their names, sealed."""
        self._sealer = sealer
        self._memory = memory or Memory()
        self._on_difference = on_difference
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._cache: TTLCache[bytes, Token] = TTLCache(CACHED, CACHE_S, timer=lambda: clock() / SECOND)

    async def create(
        self, tenant: str, name: str, scope: Scope, *, days: int, by: str, within: Scope | None = None
    ) -> NewToken:
        """A new token, valid for ``days``. ``within`` is the scope of who asks; None for the operator.

        Raises TokenError.
        """
        _check(name, scope, days, within)
        now = self._clock()
        identifier = self._randomness(ID_BYTES).hex()
        secret = base64.urlsafe_b64encode(self._randomness(SECRET_BYTES)).rstrip(b"=").decode()
        text = f"{PREFIX}_{identifier}_{secret}"
        token = Token(identifier, tenant, name, scope, now, now + days * DAY, made_by=maker(by))

        def unit(tx: Tx) -> None:
            digest = _digest(text).hex()
            store.add(tx, token, digest)
            tx.stage(tenant, self._named(tx, token, _draft("token.created", token, by, now, digest)))

        await self._database.write(unit)
        return NewToken(token, text)

    def _named(self, tx: Tx, token: Token, draft: Draft) -> Draft:
        if self._sealer is None:
            return draft
        return self._sealer.draft(tx, token.tenant, f"token:{token.id}", draft, name=token.name)

    async def of_tenant(self, tenant: str) -> tuple[Token, ...]:
        return await self._database.read(lambda tx: store.of_tenant(tx, tenant))

    async def revoke(self, tenant: str, identifier: str, *, by: str) -> None:
        """Raises UnknownTokenError unless there is such a token that is not revoked yet."""
        now = self._clock()

        def unit(tx: Tx) -> None:
            found = store.by_id(tx, identifier)
            if found is None or not store.revoke(tx, tenant, identifier, now):
                raise UnknownTokenError(
                    f"expected the id of a token that is not revoked, found {identifier!r}; list the tokens"
                )
            tx.stage(tenant, _draft("token.revoked", found[0], by, now, found[1]))

        await self._database.write(unit)
        for key in [key for key, token in self._cache.items() if token.id == identifier]:
            self._cache.pop(key, None)

    async def identify(self, credential: str) -> TokenScope | None:
        """See app.http.context.Authenticator."""
        identifier = token_id(credential)
        if identifier is None:
            return None
        digest = _digest(credential)
        token = self._cache.get(digest)
        if token is None:
            found = await self._database.read(lambda tx: store.by_id(tx, identifier))
            if found is None or not hmac.compare_digest(found[1], digest.hex()):
                return None
            token = found[0]
            if await self._differs(token):
                return None
            if token.revoked_at is None:
                self._cache[digest] = token
        if token.scope.workflow is not None:
            return None
        if token.revoked_at is not None or not token.created_at <= self._clock() < token.expires_at:
            return None
        return TokenScope(f"token:{token.id}", token.tenant, token.scope)

    async def _differs(self, token: Token) -> bool:
        difference = await settled(self._database, lambda tx: store.difference(tx, self._memory, token), bool)
        if difference:
            self._on_difference((difference,))
        return bool(difference)


def _check(name: str, scope: Scope, days: int, within: Scope | None) -> None:
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        raise TokenError(f"expected a name of 1 to {NAME_LIMIT} characters, found {name[:NAME_LIMIT]!r}")
    if not scope.permissions:
        raise TokenError("expected at least one permission, found none; name what the token is for")
    if scope.workflow is not None:
        raise WorkflowScopeError(
            f"expected a token for any workflow, found one for {scope.workflow!r}: a token proves no workflow. "
            "That takes an OIDC token of GitHub Actions, which this version does not take; leave the workflow out"
        )
    if not 1 <= days <= MAX_LIFETIME_DAYS:
        raise TokenError(f"expected a lifetime of 1 to {MAX_LIFETIME_DAYS} days, found {days}")
    if within is not None and not scope.within(within):
        raise BeyondScopeError(
            "expected a scope within your own, found one beyond it; ask an administrator to make the token"
        )


def _digest(text: str) -> bytes:
    # The text holds 256 random bits, so a slow hash would protect nothing.
    return hashlib.sha256(text.encode()).digest()


def _draft(event: Event, token: Token, by: str, at: int, digest: str) -> Draft:
    return Draft(
        trace_id=f"token-{token.id}",
        ts=at,
        stage="system",
        event=event,
        component="tokens",
        action=event.partition(".")[2],
        resource=f"token/{token.id}",
        actor_ref=by,
        outcome="ok",
        data=facts({"digest": digest, "expires_at": token.expires_at, "scope": token.scope}),
    )
