"""Who asks, and whether they may."""

from __future__ import annotations

import ipaddress

from aiohttp import web

from app.http.context import AUTHENTICATORS, CALLER
from app.http.problem import Problem
from app.tokens.model import Permission, TokenScope

MAX_CREDENTIAL = 16 << 10
_HOW = "Send `Authorization: Bearer …` with a token that `countersign tokens create` made."


async def identify(request: web.Request) -> TokenScope:
    """The verified caller. Raises Problem 401."""
    known = request.get(CALLER)
    if isinstance(known, TokenScope):
        return known
    credential = _credential(request)
    for authenticator in request.app[AUTHENTICATORS]:
        caller = await authenticator.identify(credential)
        if caller is not None:
            request[CALLER] = caller
            return caller
    raise _unauthenticated("one that is unknown, expired or revoked")


async def require(request: web.Request, permission: Permission) -> TokenScope:
    """The verified caller, who has ``permission``. Raises Problem 401 or 403."""
    caller = await identify(request)
    if not caller.scope.allows(permission):
        raise Problem(
            403,
            "auth.permission",
            "Not permitted",
            expected=f"the permission {permission.value}",
            found=", ".join(held.value for held in caller.scope.permissions) or "none",
            remedy="Ask an administrator for a token with this permission.",
        )
    return caller


def require_covered(caller: TokenScope, *, repository: str, environment: str | None = None) -> None:
    """Raises Problem 403 unless the caller's scope covers this repository and environment."""
    if not caller.scope.covers(repository=repository, environment=environment):
        asked = f"{repository} to {environment}" if environment else repository
        raise Problem(
            403,
            "auth.scope",
            "Outside the token's scope",
            expected=f"{caller.scope.repository or 'any repository'}, "
            f"{' or '.join(caller.scope.environments) or 'any environment'}",
            found=asked,
            remedy="Use the token made for this repository and environment.",
        )


def caller_of(request: web.Request) -> TokenScope:
    """The caller that the route's permission let in. Only in handlers of routes that ask for one."""
    return request[CALLER]


def from_this_machine(request: web.BaseRequest) -> bool:
    """Whether the peer is this machine itself and no proxy stands between."""
    if any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _credential(request: web.Request) -> str:
    values = request.headers.getall("Authorization", [])
    if not values:
        raise _unauthenticated("none")
    scheme, _, credential = values[0].partition(" ")
    credential = credential.strip()
    if len(values) > 1 or scheme.lower() != "bearer" or not credential or len(credential) > MAX_CREDENTIAL:
        raise _unauthenticated("an Authorization header of another form")
    return credential


def _unauthenticated(found: str) -> Problem:
    return Problem(
        401,
        "auth.credential",
        "Not authenticated",
        expected="a valid credential",
        found=found,
        remedy=_HOW,
        headers={"WWW-Authenticate": 'Bearer realm="countersign"'},
    )
