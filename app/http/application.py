"""The application: the route table, with permission, limits, problems and headers around every handler."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import version

from aiohttp import web

from app.clock import NewId, new_id
from app.http import openapi
from app.http.auth import identify, require
from app.http.body import too_large
from app.http.context import AUTHENTICATORS, BODY_LIMIT, METRICS, NEW_ID, SOLE_TENANT, Authenticator, Check, ProblemPage
from app.http.headers import securing
from app.http.middleware import around
from app.http.probes import Probes
from app.http.route import WEBHOOK_LIMIT, Handler, Route
from app.metrics import Metrics
from app.tokens.model import Permission

OPENAPI_PATH = "/api/v1/openapi.json"


def build(
    routes: Iterable[Route],
    *,
    metrics: Metrics,
    authenticators: Iterable[Authenticator] = (),
    checks: Mapping[str, Check] | None = None,
    public_url: str = "",
    hosts: Collection[str] | None = None,
    page: ProblemPage | None = None,
    make_id: NewId = new_id,
    sole_tenant: bool = True,
) -> web.Application:
    """An aiohttp application that serves ``routes`` beside /healthz, /readyz, /metrics and the OpenAPI document.

    ``checks`` are asked by /readyz. ``hosts`` limits the names served in Host (an open console on loopback
    needs it). ``page`` draws problems for browsers outside /api and /webhooks. ``sole_tenant``: there is no second one.
    """
    app = web.Application(middlewares=[around(page=page, hosts=hosts)], client_max_size=WEBHOOK_LIMIT)
    app[AUTHENTICATORS] = tuple(authenticators)
    app[METRICS] = metrics
    app[NEW_ID] = make_id
    app[SOLE_TENANT] = sole_tenant
    app.on_response_prepare.append(securing(https=public_url.startswith("https://")))
    table = [*Probes(checks or {}).routes(), *routes]
    described = openapi.document(table, version=version("countersign"), server=public_url)

    async def describe(_request: web.Request) -> web.Response:
        return web.Response(body=described, content_type="application/json")

    table.append(
        Route(
            method="GET", path=OPENAPI_PATH, handler=describe, permission="public", listed=False,
            summary="This document",
        )
    )  # fmt: skip
    for route in table:
        if route.method == "GET":
            app.router.add_get(route.path, _guarded(route), allow_head=True)
        else:
            app.router.add_route(route.method, route.path, _guarded(route))
    return app


def _guarded(route: Route) -> Handler:
    """The route's handler, once the body is small enough and the caller may."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.content_length is not None and request.content_length > route.limit:
            raise too_large(route.limit, f"{request.content_length} bytes")
        request[BODY_LIMIT] = route.limit
        if isinstance(route.permission, Permission):
            await require(request, route.permission)
        elif route.permission == "token":
            await identify(request)
        return await route.handler(request)

    return handle
