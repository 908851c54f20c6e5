"""What belongs to an application and to a request, under typed keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from aiohttp import web

from app.clock import NewId
from app.http.problem import ProblemDocument
from app.metrics import Metrics
from app.tokens.model import TokenScope


class Authenticator(Protocol):
    """Knows one kind of credential."""

    async def identify(self, credential: str) -> TokenScope | None:
        """Who holds this credential; None when it is none of ours or not valid now.

        May raise app.http.problem.Problem to say more (an OIDC token for another audience, for example).
        """
        ...


ProblemPage: TypeAlias = Callable[[web.Request, ProblemDocument], web.Response]
Check: TypeAlias = Callable[[], Awaitable[str | None]]
"""Readiness of one thing: None, or what is missing and how to mend it."""

AUTHENTICATORS = web.AppKey("authenticators", tuple[Authenticator, ...])
METRICS = web.AppKey("metrics", Metrics)
NEW_ID: web.AppKey[NewId] = web.AppKey("new_id")
SOLE_TENANT = web.AppKey("sole_tenant", bool)

REQUEST_ID = web.RequestKey("request_id", str)
CALLER = web.RequestKey("caller", TokenScope)
BODY_LIMIT = web.RequestKey("body_limit", int)


def request_id(request: web.BaseRequest) -> str:
    """The id in the log lines, the answer's X-Request-Id and the records of this request."""
    found: str = request.get(REQUEST_ID, "")
    return found
