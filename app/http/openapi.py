"""The OpenAPI 3.1 document, made from the route table and the types themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from app.http.problem import CONTENT_TYPE, ProblemDocument
from app.http.route import Route
from app.tokens.model import Permission

_VARIABLE = re.compile(r"{(\w+)(?::[^{}]*(?:{[^{}]*}[^{}]*)*)?}")
_BY = "Bearer"


def document(routes: Iterable[Route], *, version: str, server: str = "") -> bytes:
    """JSON of OpenAPI 3.1 for every listed route."""
    listed = [route for route in routes if route.listed]
    types = _types(listed)
    references, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(types, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in listed:
        path = _VARIABLE.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Countersign", "version": version, "description": "Four-eyes release gating."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {_BY: {"type": "http", "scheme": "bearer"}}},
    }
    if server:
        described["servers"] = [{"url": server}]
    return msgspec.json.encode(described)


def _types(routes: list[Route]) -> list[Any]:
    found: dict[Any, None] = {ProblemDocument: None}
    for route in routes:
        found.update((kind, None) for kind in (route.request, route.response) if kind is not None)
        if route.query is not None:
            found.update((field.type, None) for field in msgspec.structs.fields(route.query))
    return list(found)


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "responses": {
            str(route.status): _content(HTTPStatus(route.status).phrase, "application/json", route.response, schemas),
            "default": _content("A problem (RFC 9457)", CONTENT_TYPE, ProblemDocument, schemas),
        },
        "security": [] if route.permission in ("public", "own") else [{_BY: []}],
    }
    told = [route.description] if route.description else []
    if isinstance(route.permission, Permission):
        told.append(f"Needs the permission `{route.permission.value}`.")
    if told:
        operation["description"] = "\n\n".join(told)
    parameters = [*_in_path(route), *_in_query(route, schemas)]
    if parameters:
        operation["parameters"] = parameters
    if route.request is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[route.request]}},
        }
    return operation


def _content(text: str, media: str, kind: Any, schemas: dict[Any, Any]) -> dict[str, Any]:
    if kind is None:
        return {"description": text}
    return {"description": text, "content": {media: {"schema": schemas[kind]}}}


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _VARIABLE.findall(route.path)
    ]


def _in_query(route: Route, schemas: dict[Any, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    return [
        {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "schema": schemas[field.type],
        }
        for field in msgspec.structs.fields(route.query)
    ]


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", _VARIABLE.sub(r"by \1", route.path.removeprefix("/api/v1")))
    return "_".join((route.method.lower(), *words))
