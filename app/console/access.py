"""Who may look at the console: a session, a token in the header, or anybody on this machine where it is open."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from app.console.sessions import Sessions
from app.http.auth import from_this_machine, require
from app.http.problem import Problem
from app.tokens.model import Permission, Scope, TokenScope

LOGIN_NEEDED = "console.login"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""What an open console answers to in Host: a page elsewhere can point its own name here, never one of these."""


class Viewer(msgspec.Struct, frozen=True):
    """Who looks. ``session`` tells whether there is something to log out of."""

    tenant: str
    scope: Scope
    session: bool = False

    def sees(self, repository: str, environments: tuple[str, ...]) -> bool:
        """Whether a release of this repository into these environments is inside the token's scope."""
        wanted = environments or (None,)
        return any(self.scope.covers(repository=repository, environment=environment) for environment in wanted)

    @property
    def audits(self) -> bool:
        """Whether they may search the audit log, which is about every repository and environment."""
        bound = self.scope.repository or self.scope.environments
        return self.scope.allows(Permission.AUDIT_READ) and not bound


class Access:
    """``open_tenant`` is the tenant that an open console shows; None when it is not open."""

    def __init__(self, sessions: Sessions, open_tenant: str | None, *, https: bool) -> None:
        self._sessions = sessions
        self._open_tenant = open_tenant
        # The prefix makes browsers refuse the cookie from anywhere but this very host, over https.
        self.cookie = "__Host-countersign" if https else "countersign"
        self.https = https

    async def viewer(self, request: web.Request) -> Viewer:
        """Raises Problem 401 when nobody is logged in, 403 when they may not read releases."""
        if "Authorization" in request.headers:
            caller = await require(request, Permission.RELEASE_READ)
            return Viewer(caller.tenant, caller.scope)
        found = await self._sessions.viewer(request.cookies.get(self.cookie, ""))
        if found is not None:
            may_read(found)
            return Viewer(found.tenant, found.scope, session=True)
        if self._open_tenant is not None and from_this_machine(request):
            return Viewer(self._open_tenant, Scope((Permission.RELEASE_READ, Permission.AUDIT_READ)))
        raise Problem(
            401, LOGIN_NEEDED, "Log in", expected="a session or a token with release.read", found="none",
            remedy="Log in with a token.",
        )  # fmt: skip


def may_read(caller: TokenScope) -> None:
    """Raises Problem 403 unless this token may read releases."""
    if not caller.scope.allows(Permission.RELEASE_READ):
        raise Problem(
            403, "auth.permission", "Not permitted", expected="a token with the permission release.read",
            found=", ".join(held.value for held in caller.scope.permissions),
            remedy="Ask an administrator for a token with this permission.",
        )  # fmt: skip


def may_audit(viewer: Viewer) -> None:
    """Raises Problem 403 unless they may search the audit log."""
    if not viewer.audits:
        raise Problem(
            403, "auth.permission", "Not permitted",
            expected="a token with the permission audit.read that is bound to no repository or environment",
            found=", ".join(held.value for held in viewer.scope.permissions),
            remedy="Ask an administrator for a token with this permission.",
        )  # fmt: skip


def same_origin(request: web.Request) -> None:
    """Raises Problem 403 unless the form came from a page of ours: no other site can log anybody in or out."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = urlsplit(request.headers.get("Origin", "")).netloc
    if site != "same-origin" if site is not None else origin != request.host:
        raise Problem(
            403, "console.origin", "Not from here", expected="a form of this console",
            found=f"one from {request.headers.get('Origin') or site or 'an unknown place'}",
            remedy="Open the console itself and use its forms.",
        )  # fmt: skip


def from_elsewhere(request: web.Request) -> bool:
    """Whether a link of another site led here, so that the browser held back the session's strict cookie."""
    return request.headers.get("Sec-Fetch-Site") == "cross-site"
