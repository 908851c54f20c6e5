"""Which log somebody may read over HTTP: their tenant's, and the system's where there is no other tenant."""

from __future__ import annotations

from aiohttp import web

from app.http.auth import caller_of
from app.http.context import SOLE_TENANT
from app.http.problem import Problem
from app.tenants.model import SYSTEM
from app.tokens.model import Permission, TokenScope


def log_of(request: web.Request, asked: str) -> str:
    """The caller's own log for an empty ``asked``. Raises Problem 403.

    The log ``system`` tells of all tenants' sinks and deliveries, so over HTTP it is read only where there is one
    tenant, with ``admin``; elsewhere the operator reads it on the server.
    """
    caller = unbound(request)
    log = asked or caller.tenant
    if may_read(request, log):
        return log
    raise Problem(
        403, "audit.log", "Not the tenant's log", expected=f"the log {caller.tenant}", found=asked[:64],
        remedy="Leave `log` out. The log `system` needs the permission admin and a service with one tenant; "
        "otherwise read it on the server with `countersign audit list --log system`.",
    )  # fmt: skip


def may_read(request: web.Request, log: str) -> bool:
    caller = caller_of(request)
    if log == SYSTEM:
        return request.app[SOLE_TENANT] and caller.scope.allows(Permission.ADMIN)
    return log == caller.tenant


def unbound(request: web.Request) -> TokenScope:
    """The caller, whose token is for the whole tenant: one of a repository or environment neither reads a log nor acts
    on what is about all of them. Raises Problem 403."""
    caller = caller_of(request)
    scope = caller.scope
    environments = " or ".join(scope.environments) or "any environment"
    if scope.repository or scope.environments:
        raise Problem(
            403, "auth.scope", "Outside the token's scope", expected="a token for the whole tenant",
            found=f"one for {scope.repository or 'any repository'}, {environments}",
            remedy="Use a token that is bound to no repository or environment.",
        )  # fmt: skip
    return caller
