"""The OpenAPI document describes the routes as they are."""

from __future__ import annotations

import json

import msgspec
from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator
from pytest_aiohttp import AiohttpClient

from app.http import openapi
from app.http.body import answer
from app.http.route import Route
from app.keys.views import KeyViews
from app.tokens.model import Permission
from app.tokens.views import TokenViews
from tests.shell.opened import Sent, application


class Wanted(msgspec.Struct, frozen=True):
    limit: int = 10


async def handler(_request: web.Request) -> web.Response:
    return answer(Sent("x"))


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/things/{id:[0-9a-f]{32}}/parts/{name}",
        handler=handler,
        permission=Permission.RELEASE_READ,
        summary="A part",
        request=Sent,
        response=Sent,
        query=Wanted,
        status=201,
    ),
    Route(
        method="GET", path="/page", handler=handler, permission="public", summary="A page", listed=False
    ),
)  # fmt: skip


def described() -> dict[str, object]:
    tokens = TokenViews.routes(TokenViews.__new__(TokenViews))
    keys = KeyViews.routes(KeyViews.__new__(KeyViews))
    found: dict[str, object] = json.loads(openapi.document([*ROUTES, *tokens, *keys], version="1"))
    return found


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(described()).validate()


def test_a_route_is_described_with_its_variables_types_and_permission() -> None:
    paths = described()["paths"]
    assert isinstance(paths, dict)
    operation = paths["/api/v1/things/{id}/parts/{name}"]["post"]
    assert [(item["name"], item["in"]) for item in operation["parameters"]] == [
        ("id", "path"),
        ("name", "path"),
        ("limit", "query"),
    ]
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Sent"}
    assert set(operation["responses"]) == {"201", "default"}
    assert "release.read" in operation["description"]
    assert operation["security"] == [{"Bearer": []}]
    assert "/page" not in paths


async def test_it_is_served_to_everybody(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(application(ROUTES))
    found = await (await client.get("/api/v1/openapi.json")).json()
    assert found["openapi"] == "3.1.0"
    assert "/readyz" in found["paths"]
