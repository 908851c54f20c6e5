"""Around every request: an id, a count, and a problem document whatever goes wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import Counter, Histogram
from structlog.contextvars import bind_contextvars, clear_contextvars

from app.db.database import DatabaseUnavailableError
from app.http import problem
from app.http.body import too_large
from app.http.context import METRICS, NEW_ID, REQUEST_ID, ProblemPage
from app.http.problem import Problem
from app.http.route import WEBHOOK_LIMIT, Handler
from integrations.errors import NeighbourError

_log = structlog.get_logger(__name__)

_PLAIN: Final = {
    400: ("request.malformed", "Malformed request", "Send well-formed HTTP."),
    403: ("request.forbidden", "Forbidden", "Ask an administrator."),
    404: ("request.not_found", "Not found", "Check the address; /api/v1/openapi.json lists what there is."),
    405: ("request.method", "Method not allowed", "Use a method that the Allow header names."),
    415: ("request.content_type", "Unsupported media type", "Send application/json."),
}


def around(*, page: ProblemPage | None, hosts: Collection[str] | None) -> Middleware:
    """The outermost middleware. ``page`` draws a problem for browsers; ``hosts`` are the only names served."""
    count = _Counting()

    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        request[REQUEST_ID] = request.app[NEW_ID]()
        # One task serves all requests of a connection, so the last one's ids must go.
        clear_contextvars()
        bind_contextvars(request=request[REQUEST_ID])
        response = await _answered(request, handler, page, hosts)
        count(request, response, time.perf_counter() - started)
        return response

    return handle


async def _answered(
    request: web.Request, handler: Handler, page: ProblemPage | None, hosts: Collection[str] | None
) -> web.StreamResponse:
    try:
        if hosts is not None and _hostname(request.host) not in hosts:
            raise _wrong_host(request.host)
        return await handler(request)
    except web.HTTPException as raised:
        if raised.status < 400:
            raise
        found = _from_aiohttp(raised)
    except Problem as raised_problem:
        found = raised_problem
    except DatabaseUnavailableError as error:
        _log.warning("database unavailable", error=str(error))
        found = _unavailable(error.code, "The database cannot be used now", 2)
    except NeighbourError as error:
        _log.warning("neighbour failed", error=str(error), code=error.code)
        found = _unavailable(error.code, "A neighbouring system did not answer as needed", error.retry_after or 5)
    except Exception:
        _log.exception("unexpected error", method=request.method, path=request.path)
        found = _unexpected()
    if request.writer.output_size:
        # Half an answer is out already: breaking off is the only honest end.
        raise ConnectionAbortedError("the answer was broken off")
    document = found.document(request[REQUEST_ID])
    if page is not None and _is_browser(request):
        return page(request, document)
    return problem.response(found, request[REQUEST_ID])


def _from_aiohttp(raised: web.HTTPException) -> Problem:
    if raised.status == 413:
        return too_large(WEBHOOK_LIMIT, "more")
    code, title, remedy = _PLAIN.get(
        raised.status, (f"request.http_{raised.status}", raised.reason, "Check the request.")
    )
    kept = {name: value for name, value in raised.headers.items() if name in ("Allow", "Retry-After")}
    return Problem(raised.status, code, title, remedy=remedy, headers=kept)


def _unavailable(code: str, title: str, retry_after: float) -> Problem:
    return Problem(
        503,
        code,
        title,
        remedy="Try again; if it stays so, GET /readyz says what is missing.",
        headers={"Retry-After": str(max(1, round(retry_after)))},
    )


def _unexpected() -> Problem:
    return Problem(
        500,
        "internal",
        "Internal error",
        detail="Nothing was decided.",
        remedy="Look for the request id (X-Request-Id) in the service's log, or report it.",
    )


def _wrong_host(found: str) -> Problem:
    # A page elsewhere may point its own name at this machine (DNS rebinding) to read an open console.
    return Problem(
        421,
        "request.host",
        "Misdirected request",
        expected="this service's own name in Host",
        found=found,
        remedy="Use the address of server.public_url.",
    )


def _hostname(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] or host


def _is_browser(request: web.Request) -> bool:
    return not request.path.startswith(("/api/", "/webhooks/")) and "text/html" in request.headers.get("Accept", "")


class _Counting:
    """Counts and logs answers. Finding a counter by its labels costs more than counting, so it is found once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def __call__(self, request: web.Request, response: web.StreamResponse, seconds: float) -> None:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        key = (route, method, response.status)
        found = self._found.get(key)
        if found is None:
            metrics = request.app[METRICS]
            requests = metrics.http_requests.labels(route, method, str(response.status))
            found = self._found[key] = (requests, metrics.http_seconds.labels(route))
        found[0].inc()
        found[1].observe(seconds)
        if response.status < 400 and not logging.getLogger(__name__).isEnabledFor(logging.DEBUG):
            return
        log = _log.info if response.status >= 400 else _log.debug
        log("answered", method=method, route=route, status=response.status, ms=round(seconds * 1000, 2))
