"""Proving to GitHub who we are: the App's JWT, and the tokens of its installations.

Nothing here shows a key or a token in a ``repr`` or an exception.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from integrations.errors import RateLimitedError, RefusedError, UnavailableError

Clock = Callable[[], int]
SECOND = 1_000_000
JWT_BACKDATED_S = 60
JWT_LIFETIME_S = 9 * 60
JWT_KEPT_S = 7 * 60
RENEW_BEFORE_S = 5 * 60


def load_key(key: RSAPrivateKey | bytes | str) -> RSAPrivateKey:
    """The App's key, parsed once: parsing takes 55 ms. RefusedError when it is no RSA key in PEM form."""
    if isinstance(key, RSAPrivateKey):
        return key
    pem = key.encode() if isinstance(key, str) else key
    loaded = None
    # The parser's own text may quote the key, so ours is raised below instead.
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
        loaded = load_pem_private_key(pem, password=None)
    if not isinstance(loaded, RSAPrivateKey):
        raise RefusedError(
            "expected the App's private key as an unencrypted RSA key in PEM form, found something else: "
            "generate one on the App's page at GitHub and pass the file's content"
        )
    return loaded


class Credentials(Protocol):
    """What stands in the Authorization header of a call."""

    async def header(self) -> str: ...
    def reject(self, header: str) -> bool:
        """GitHub answered 401 to this header. True when asking again may give a better one."""
        ...


class AppCredentials:
    """Signs as the App itself. A JWT is made for nine minutes and kept for seven, backdated one minute."""

    def __init__(self, app_id: str, key: RSAPrivateKey, clock: Clock) -> None:
        self._app_id = app_id
        self._key = key
        self._clock = clock
        self._made_at = 0
        self._header: str | None = None

    async def header(self) -> str:
        now = self._clock() // SECOND
        if self._header is None or not self._made_at <= now < self._made_at + JWT_KEPT_S:
            issued = now - JWT_BACKDATED_S
            claims = {"iat": issued, "exp": issued + JWT_LIFETIME_S, "iss": self._app_id}
            self._header = "bearer " + jwt.encode(claims, self._key, algorithm="RS256")
            self._made_at = now
        return self._header

    def reject(self, header: str) -> bool:
        return False


class Token:
    """An installation token; ``expires_at`` in microseconds since 1970 UTC."""

    __slots__ = ("expires_at", "header")

    def __init__(self, value: str, expires_at: int) -> None:
        self.header = "token " + value
        self.expires_at = expires_at


class InstallationCredentials:
    """One installation's token: minted once however many ask, renewed five minutes before it ends."""

    def __init__(self, mint: Callable[[], Awaitable[Token]], clock: Clock) -> None:
        self._mint = mint
        self._clock = clock
        self._token: Token | None = None
        self._minting: asyncio.Task[Token] | None = None

    async def header(self) -> str:
        token = self._token
        if token is not None and self._clock() < token.expires_at - RENEW_BEFORE_S * SECOND:
            return token.header
        return (await self._renewed(token)).header

    def reject(self, header: str) -> bool:
        if self._token is not None and self._token.header == header:
            self._token = None
        return True

    async def _renewed(self, old: Token | None) -> Token:
        try:
            return await self._minted_once()
        except (UnavailableError, RateLimitedError):
            if old is not None and self._clock() < old.expires_at:
                return old
            raise

    async def _minted_once(self) -> Token:
        if self._minting is None:
            self._minting = asyncio.ensure_future(self._mint())
            self._minting.add_done_callback(self._keep)
        return await asyncio.shield(self._minting)

    def _keep(self, minting: asyncio.Future[Token]) -> None:
        self._minting = None
        if not minting.cancelled() and minting.exception() is None:
            self._token = minting.result()
