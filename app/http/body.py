"""Bodies in and out: typed at the edge, refused with the place of the mistake."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from app.http.context import BODY_LIMIT
from app.http.problem import Problem
from app.http.route import API_LIMIT

T = TypeVar("T")


async def read(request: web.Request) -> bytes:
    """The whole body, at most the route's limit. Raises Problem 413."""
    limit: int = request.get(BODY_LIMIT, API_LIMIT)
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit, f"{request.content_length} bytes")
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > limit:
            raise too_large(limit, f"more than {limit} bytes")
    return bytes(body)


async def decode(request: web.Request, kind: type[T]) -> T:
    """The JSON body as ``kind``. Raises Problem 400 with the place, 413, 415."""
    if request.content_type != "application/json":
        raise Problem(
            415,
            "request.content_type",
            "Unsupported media type",
            expected="application/json",
            found=request.headers.get("Content-Type", "none"),
            remedy="Send the body as JSON and say so in Content-Type.",
        )
    data = await read(request)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _malformed("request.invalid", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed("request.malformed", str(error)) from None


def query(request: web.Request, kind: type[T]) -> T:
    """The query string as ``kind``; a field of many values repeats its name. Raises Problem 400."""
    values: dict[str, Any] = {}
    repeated = {
        field.encode_name
        for field in msgspec.structs.fields(kind)  # type: ignore[arg-type]
        if isinstance(msgspec.inspect.type_info(field.type), msgspec.inspect.VarTupleType)
    }
    for name in request.query:
        found = request.query.getall(name)
        if name not in repeated and len(found) > 1:
            raise _malformed("request.invalid", f"Expected one value, got {len(found)} - at `$.{name}`")
        values[name] = found if name in repeated else found[0]
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _malformed("request.invalid", str(error)) from None


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A struct as a JSON answer."""
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


def too_large(limit: int, found: str) -> Problem:
    return Problem(
        413,
        "request.too_large",
        "Too large",
        expected=f"at most {limit} bytes",
        found=found,
        remedy="Send less.",
        headers={"Connection": "close"},
    )


def _malformed(code: str, message: str) -> Problem:
    what, _, place = message.partition(" - at ")
    expected, separator, found = what.partition(", got ")
    return Problem(
        400,
        code,
        "Malformed request",
        expected=expected.removeprefix("Expected ") if separator else "a JSON body as the API describes it",
        found=f"{found or what}{f' at {place}' if place else ''}".replace("`", ""),
        remedy="Compare the request with /api/v1/openapi.json.",
    )
