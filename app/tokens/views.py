"""Tokens over HTTP. Whoever manages tokens manages those of their own tenant, within their own scope."""

from __future__ import annotations

import msgspec
from aiohttp import web

from app.audit.access import unbound
from app.http.auth import caller_of
from app.http.body import answer, decode
from app.http.problem import Problem
from app.http.route import Route
from app.tokens.errors import BeyondScopeError, TokenError, UnknownTokenError
from app.tokens.model import Permission, Scope, Token
from app.tokens.service import Tokens


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``days``: how long it is valid."""

    name: str
    scope: Scope
    days: int = 90


class CreatedToken(msgspec.Struct, frozen=True):
    """``secret`` is the token itself, shown this once."""

    token: Token
    secret: str


class TokenList(msgspec.Struct, frozen=True):
    tokens: tuple[Token, ...]


class TokenViews:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def routes(self) -> tuple[Route, ...]:
        path, manage = "/api/v1/tokens", Permission.TOKENS_MANAGE
        return (
            Route(
                method="POST", path=path, handler=self.create, permission=manage, status=201,
                request=TokenRequest, response=CreatedToken, summary="Make a token",
            ),
            Route(
                method="GET", path=path, handler=self.list, permission=manage, response=TokenList,
                summary="The tenant's tokens",
            ),
            Route(
                method="DELETE", path=path + "/{id}", handler=self.revoke, permission=manage, status=204,
                summary="Revoke a token",
            ),
        )  # fmt: skip

    async def create(self, request: web.Request) -> web.Response:
        caller = caller_of(request)
        wanted = await decode(request, TokenRequest)
        try:
            made = await self._tokens.create(
                caller.tenant,
                wanted.name,
                wanted.scope,
                days=wanted.days,
                by=caller.actor,
                within=caller.scope,
            )
        except TokenError as error:
            raise _problem(error) from error
        return answer(CreatedToken(made.token, made.text), 201)

    async def list(self, request: web.Request) -> web.Response:
        caller = unbound(request)
        return answer(TokenList(await self._tokens.of_tenant(caller.tenant)))

    async def revoke(self, request: web.Request) -> web.Response:
        caller = unbound(request)
        try:
            await self._tokens.revoke(caller.tenant, request.match_info["id"], by=caller.actor)
        except TokenError as error:
            raise _problem(error) from error
        return web.Response(status=204)


def _problem(error: TokenError) -> Problem:
    status = 404 if isinstance(error, UnknownTokenError) else 403 if isinstance(error, BeyondScopeError) else 422
    return Problem(status, error.code, "Token refused", detail=str(error))
