"""One route: where, what for, who may, what goes in and out. The table is also the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import msgspec
from aiohttp import web

from app.tokens.model import Permission

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Access: TypeAlias = Permission | Literal["public", "own", "token"]

API_LIMIT = 1 << 20
WEBHOOK_LIMIT = 26 << 20
"""GitHub sends at most 25 MB."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """``permission`` is checked before the handler runs: a permission; ``token``: any valid token; ``public``:
    nobody is asked; ``own``: the handler itself finds out who asks (signature, session).

    ``request`` and ``response`` are the bodies' types, ``query`` that of the query string. ``limit`` is the
    greatest body in bytes. ``listed`` False leaves it out of the OpenAPI document (pages, webhooks).
    """

    method: str
    path: str
    handler: Handler
    permission: Access
    summary: str
    request: type | None = None
    response: type | None = None
    query: type[msgspec.Struct] | None = None
    status: int = 200
    description: str = ""
    limit: int = API_LIMIT
    listed: bool = True
