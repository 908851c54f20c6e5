"""The server's public keys, for whoever verifies what it signed."""

from __future__ import annotations

from aiohttp import web

from app.http.body import answer
from app.http.route import Route
from app.keys.model import SYSTEM, PublicServerKeys, ServerKeys, public


class KeyViews:
    """``logs`` are the tenants' logs; the system's is always among those shown."""

    def __init__(self, keys: ServerKeys, logs: tuple[str, ...]) -> None:
        self._public = public(keys, (*logs, SYSTEM))

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET", path="/api/v1/keys", handler=self.keys, permission="public",
                response=PublicServerKeys, summary="The server's public keys",
                description="Trust them only as far as you trust this connection: compare fingerprints.",
            ),
        )  # fmt: skip

    async def keys(self, _request: web.Request) -> web.Response:
        return answer(self._public)
