"""What every route gets: permission, limits, problem documents, headers, probes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from app.db.database import DatabaseUnavailableError
from app.http.auth import caller_of, from_this_machine, require_covered
from app.http.body import answer, decode, query
from app.http.headers import HEADERS
from app.http.problem import Problem, ProblemDocument
from app.http.route import Access, Handler, Route
from app.tokens.model import Permission, Scope, TokenScope
from integrations.errors import UnavailableError
from tests.shell.opened import Sent, application


def route(handler: Handler, permission: Access = "public", method: str = "POST", limit: int = 1 << 20) -> Route:
    return Route(
        method=method, path="/api/v1/thing", handler=handler, permission=permission, summary="A thing", limit=limit
    )


async def echo(request: web.Request) -> web.Response:
    return answer(await decode(request, Sent))


async def who(request: web.Request) -> web.Response:
    return web.Response(text=caller_of(request).actor)


def raising(error: Exception) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        raise error

    return handler


async def problem_of(response: Any) -> ProblemDocument:
    assert response.content_type == "application/problem+json"
    return msgspec.json.decode(await response.read(), type=ProblemDocument)


@pytest.mark.parametrize(
    ("permission", "header", "status", "code"),
    [
        (Permission.RELEASE_READ, None, 401, "auth.credential"),
        (Permission.RELEASE_READ, "Bearer nobody", 401, "auth.credential"),
        (Permission.RELEASE_READ, "Basic reader", 401, "auth.credential"),
        (Permission.RELEASE_READ, "Bearer", 401, "auth.credential"),
        (Permission.RELEASE_READ, "Bearer " + "x" * 20_000, 400, None),
        (Permission.TOKENS_MANAGE, "Bearer reader", 403, "auth.permission"),
        ("token", None, 401, "auth.credential"),
        (Permission.RELEASE_READ, "Bearer reader", 200, None),
        (Permission.RELEASE_READ, "bearer reader", 200, None),
        (Permission.TOKENS_MANAGE, "Bearer admin", 200, None),
        ("token", "Bearer reader", 200, None),
    ],
)
async def test_a_handler_runs_only_for_who_may(
    aiohttp_client: AiohttpClient, permission: Access, header: str | None, status: int, code: str | None
) -> None:
    client = await aiohttp_client(application([route(who, permission)]))
    response = await client.post("/api/v1/thing", headers={"Authorization": header} if header else {})
    assert response.status == status
    if code is not None:
        assert (await problem_of(response)).code == code
    assert ("WWW-Authenticate" in response.headers) is (status == 401)


async def test_two_credentials_are_none(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(application([route(who, "token")]))
    response = await client.post(
        "/api/v1/thing", headers=[("Authorization", "Bearer reader"), ("Authorization", "Bearer admin")]
    )
    assert response.status == 401


@pytest.mark.parametrize(
    ("scope", "repository", "environment", "covered"),
    [
        (Scope(()), "a/b", "production", True),
        (Scope((), repository="a/b"), "A/B", None, True),
        (Scope((), repository="a/b"), "a/c", None, False),
        (Scope((), environments=("staging",)), "a/b", "Staging", True),
        (Scope((), environments=("staging",)), "a/b", "production", False),
    ],
)
def test_a_scope_covers_its_repository_and_environments(
    scope: Scope, repository: str, environment: str | None, covered: bool
) -> None:
    caller = TokenScope("token:x", "acme", scope)
    if covered:
        require_covered(caller, repository=repository, environment=environment)
    else:
        with pytest.raises(Problem, match=r"auth\.scope"):
            require_covered(caller, repository=repository, environment=environment)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code", "found"),
    [
        (b'{"name":"x"}', "application/json", 200, None, None),
        (b'{"name":1}', "application/json", 400, "request.invalid", "int at $.name"),
        (b"{}", "application/json", 400, "request.invalid", "name"),
        (b"{", "application/json", 400, "request.malformed", "truncated"),
        (b"\xff", "application/json", 400, "request.malformed", None),
        (b'{"name":"\xff"}', "application/json", 400, "request.malformed", None),
        (b"[" * 100_000, "application/json", 400, None, None),
        (b'{"name":"x"}', "text/plain", 415, "request.content_type", "text/plain"),
    ],
)
async def test_a_body_is_typed_or_refused_with_its_place(
    aiohttp_client: AiohttpClient, body: bytes, content_type: str, status: int, code: str | None, found: str | None
) -> None:
    client = await aiohttp_client(application([route(echo)]))
    response = await client.post("/api/v1/thing", data=body, headers={"Content-Type": content_type})
    assert response.status == status
    if status != 200:
        document = await problem_of(response)
        assert code is None or document.code == code
        assert found is None or found in document.found
        assert document.remedy


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_not_read(aiohttp_client: AiohttpClient, chunked: bool) -> None:
    client = await aiohttp_client(application([route(echo, limit=1000)]))

    async def parts() -> Any:
        yield b'{"name":"' + b"x" * 2000 + b'"}'

    data = parts() if chunked else b'{"name":"' + b"x" * 2000 + b'"}'
    response = await client.post("/api/v1/thing", data=data, headers={"Content-Type": "application/json"})
    assert response.status == 413
    assert (await problem_of(response)).expected == "at most 1000 bytes"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Problem(409, "thing.taken", "Taken", expected="a", found="b", remedy="c"), 409, "thing.taken"),
        (DatabaseUnavailableError("locked"), 503, "database.unavailable"),
        (UnavailableError("no"), 503, "neighbour.unavailable"),
        (RuntimeError("internal detail"), 500, "internal"),
        (web.HTTPForbidden(), 403, "request.forbidden"),
        (web.HTTPGone(), 410, "request.http_410"),
    ],
)
async def test_whatever_goes_wrong_is_a_problem_document(
    aiohttp_client: AiohttpClient, error: Exception, status: int, code: str
) -> None:
    client = await aiohttp_client(application([route(raising(error))]))
    response = await client.post("/api/v1/thing")
    document = await problem_of(response)
    assert (response.status, document.status, document.code) == (status, status, code)
    assert document.type == f"urn:countersign:problem:{code}"
    assert document.instance.endswith(response.headers["X-Request-Id"])
    assert "internal detail" not in await response.text()
    assert ("Retry-After" in response.headers) is (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "request.not_found"), ("DELETE", "/api/v1/thing", 405, "request.method")],
)
async def test_what_does_not_exist_is_a_problem_document(
    aiohttp_client: AiohttpClient, method: str, path: str, status: int, code: str
) -> None:
    client = await aiohttp_client(application([route(echo)]))
    response = await client.request(method, path)
    assert response.status == status
    assert (await problem_of(response)).code == code
    assert status != 405 or "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"expected": "a", "found": "b"}, "Expected a, found b."),
        ({"expected": "a"}, "Expected a."),
        ({"found": "it was used before"}, "It was used before."),
        ({"found": "It was used before."}, "It was used before."),
        ({"detail": "So it is.", "expected": "a", "found": "b"}, "So it is."),
        ({}, ""),
    ],
)
def test_a_problem_is_told_in_one_sentence(said: dict[str, str], told: str) -> None:
    assert Problem(409, "thing.taken", "Taken", **said).detail == told  # type: ignore[arg-type]


async def test_a_problem_never_repeats_a_token(aiohttp_client: AiohttpClient) -> None:
    token = "ghs_" + "A1b2" * 9
    client = await aiohttp_client(application([route(raising(Problem(400, "x", "X", expected="a", found=token)))]))
    assert token not in await (await client.post("/api/v1/thing")).text()


async def test_a_redirect_passes(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(application([route(raising(web.HTTPSeeOther("/there")))]))
    response = await client.post("/api/v1/thing", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/there")


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/api/v1/openapi.json"])
async def test_every_answer_carries_the_security_headers(aiohttp_client: AiohttpClient, path: str) -> None:
    client = await aiohttp_client(application([], public_url="https://countersign.example.com"))
    headers = (await client.get(path)).headers
    for name, value in HEADERS:
        assert headers[name] == value
    assert "Strict-Transport-Security" in headers
    assert headers["Server"] == "countersign"
    assert "unsafe" not in headers["Content-Security-Policy"]


async def test_a_browser_gets_a_page_but_the_api_never(aiohttp_client: AiohttpClient) -> None:
    def page(_request: web.Request, document: ProblemDocument) -> web.Response:
        return web.Response(text=f"<p>{document.code}", status=document.status, content_type="text/html")

    client = await aiohttp_client(application([], page=page))
    html = {"Accept": "text/html,*/*"}
    assert "<p>request.not_found" in await (await client.get("/x", headers=html)).text()
    assert (await client.get("/x", headers=html)).status == 404
    assert (await problem_of(await client.get("/api/x", headers=html))).status == 404


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("localhost:80", 200), ("evil.example", 421), ("[::1]:80", 200)]
)
async def test_only_known_hosts_are_served_when_hosts_are_named(
    aiohttp_client: AiohttpClient, host: str, status: int
) -> None:
    client = await aiohttp_client(application([], hosts=frozenset({"localhost", "[::1]"})))
    assert (await client.get("/healthz", headers={"Host": host})).status == status


async def missing() -> str | None:
    return "nothing there. Start it."


async def present() -> str | None:
    return None


async def broken() -> str | None:
    raise RuntimeError("secret reason")


async def test_readiness_says_what_is_missing(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(application([], checks={"a": present, "b": missing, "c": broken}))
    response = await client.get("/readyz")
    body = await response.json()
    assert response.status == 503
    assert body["ready"] is False
    assert [item["name"] for item in body["missing"]] == ["b", "c"]
    assert body["missing"][0]["missing"] == "nothing there. Start it."
    assert "secret reason" not in json.dumps(body)


async def test_ready_when_nothing_is_missing(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(application([], checks={"a": present}))
    assert (await client.get("/readyz")).status == 200


async def test_asking_often_does_not_check_often(aiohttp_client: AiohttpClient) -> None:
    asked: list[int] = []

    async def count() -> str | None:
        asked.append(1)
        await asyncio.sleep(0)
        return None

    client = await aiohttp_client(application([], checks={"a": count}))
    await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
    assert len(asked) < 20


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "203.0.113.9"}, 401),
        ({"Forwarded": "for=203.0.113.9", "Authorization": "Bearer reader"}, 200),
    ],
)
async def test_metrics_are_for_this_machine_or_a_token(
    aiohttp_client: AiohttpClient, headers: dict[str, str], status: int
) -> None:
    client: TestClient[Any, Any] = await aiohttp_client(application([]))
    response = await client.get("/metrics", headers=headers)
    assert response.status == status
    if status == 200:
        await client.get("/healthz")
        text = await (await client.get("/metrics", headers=headers)).text()
        assert 'countersign_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text


async def test_a_caller_elsewhere_is_not_this_machine() -> None:
    from aiohttp.test_utils import make_mocked_request

    assert from_this_machine(make_mocked_request("GET", "/").clone(remote="127.0.0.1"))
    assert not from_this_machine(make_mocked_request("GET", "/").clone(remote="192.0.2.1"))


class Wanted(msgspec.Struct, frozen=True):
    limit: int = 10
    state: tuple[str, ...] = ()


async def listing(request: web.Request) -> web.Response:
    return answer(query(request, Wanted))


@pytest.mark.parametrize(
    ("asked", "status", "found"),
    [
        ("", 200, {"limit": 10, "state": []}),
        ("?limit=3&state=open&state=closed", 200, {"limit": 3, "state": ["open", "closed"]}),
        ("?limit=x", 400, None),
        ("?limit=1&limit=2", 400, None),
    ],
)
async def test_a_query_is_typed(aiohttp_client: AiohttpClient, asked: str, status: int, found: object) -> None:
    client = await aiohttp_client(application([route(listing, method="GET")]))
    response = await client.get(f"/api/v1/thing{asked}")
    assert response.status == status
    assert found is None or await response.json() == found


async def test_a_head_request_is_answered_like_a_get(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(application([]))
    assert (await client.head("/healthz")).status == 200


async def test_an_answer_that_fails_half_way_is_broken_off(aiohttp_client: AiohttpClient) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        raise RuntimeError("no more")

    client = await aiohttp_client(application([route(half)]))
    response = await client.post("/api/v1/thing")
    with pytest.raises(ClientPayloadError):
        await response.read()
