"""Headers that every answer carries. A page can be stricter, never by accident laxer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from app.http.context import request_id

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

HEADERS: Final = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
)
_HSTS: Final = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def securing(*, https: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The signal handler that sets them; ``https``: whether our public address is https."""
    wanted = (*HEADERS, _HSTS) if https else HEADERS

    async def secure(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in wanted:
            response.headers.setdefault(name, value)
        # Already set by then, to the versions of what runs here.
        response.headers["Server"] = "countersign"
        response.headers["X-Request-Id"] = request_id(request)

    return secure
