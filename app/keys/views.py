"""The server's keys over HTTP: for whoever verifies what they signed, and for whoever looks after them.

The keys belong to the installation: an administrator's token of any tenant may replace them. Such tokens are made by
the operator alone (`countersign tokens create --admin`).
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from app.audit.access import unbound
from app.db.database import Database
from app.db.tx import Tx
from app.http.body import answer, decode
from app.http.problem import Problem
from app.http.route import Route
from app.keys import listing, store
from app.keys.errors import ServerKeyError
from app.keys.keeper import Change, Keeper, Revocation
from app.keys.model import KeyUse, PublicServerKeys, ServerKeys
from app.keys.ring import KeyRing
from app.tokens.model import Permission


class RotationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``preview``: only say what would happen."""

    use: KeyUse = "log"
    preview: bool = False


class RevocationRequest(Revocation, frozen=True, forbid_unknown_fields=True):
    preview: bool = False


class KeyViews:
    """``logs`` are the tenants' logs; the system's is always among those shown."""

    def __init__(self, database: Database, ring: KeyRing, keeper: Keeper, logs: tuple[str, ...]) -> None:
        self._database = database
        self._ring = ring
        self._keeper = keeper
        self._logs = logs
        self._shown: tuple[tuple[object, ServerKeys], PublicServerKeys] | None = None

    def routes(self) -> tuple[Route, ...]:
        path = "/api/v1/keys"
        return (
            Route(
                method="GET", path=path, handler=self.keys, permission="public",
                response=PublicServerKeys, summary="The server's public keys, those in use and those that were",
                description="Trust them only as far as you trust this connection: compare fingerprints.",
            ),
            Route(
                method="POST", path=path + "/rotation", handler=self.rotate, permission=Permission.ADMIN,
                request=RotationRequest, response=Change, summary="Replace a key of the server",
            ),
            Route(
                method="POST", path=path + "/revocation", handler=self.revoke, permission=Permission.ADMIN,
                request=RevocationRequest, response=Change, summary="Take back what a key of the server signed",
                description="Sizes by log, or an instant in microseconds since 1970 UTC for all logs.",
            ),
        )  # fmt: skip

    async def keys(self, _request: web.Request) -> web.Response:
        return answer(await self._database.read(self._listed))

    def _listed(self, tx: Tx) -> PublicServerKeys:
        """Anybody may ask, so the records are read only when a key or log has come since."""
        keys = self._ring.keys
        seen = (store.version(tx), keys)
        if self._shown is None or self._shown[0] != seen:
            self._shown = (seen, listing.told(tx, keys, self._logs))
        return self._shown[1]

    async def rotate(self, request: web.Request) -> web.Response:
        by = unbound(request).actor
        wanted = await decode(request, RotationRequest)
        try:
            return answer(await self._keeper.rotate(wanted.use, by, preview=wanted.preview))
        except ServerKeyError as error:
            raise _problem(error) from error

    async def revoke(self, request: web.Request) -> web.Response:
        by = unbound(request).actor
        wanted = await decode(request, RevocationRequest)
        try:
            return answer(await self._keeper.revoke(wanted, by, preview=wanted.preview))
        except ServerKeyError as error:
            raise _problem(error) from error


def _problem(error: ServerKeyError) -> Problem:
    return Problem(409, error.code, "The key is not changed", detail=str(error))
