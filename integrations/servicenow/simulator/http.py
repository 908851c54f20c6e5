"""Pieces that all API rooms of the simulator share: keys, JSON answers, bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from integrations.servicenow.simulator.answers import Refusal
from integrations.servicenow.simulator.people import Caller

CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
_JSON = "application/json;charset=UTF-8"


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    text = json.dumps(body)
    return web.Response(text=text, status=status, headers={"Content-Type": _JSON, **(headers or {})})


def result(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return answer({"result": value}, status, headers)


def refuse(refusal: Refusal) -> web.Response:
    return answer(refusal.body(), refusal.status)


async def fields_of(request: web.Request) -> dict[str, str]:
    """The name-value pairs of a JSON body as stored text; references may come as objects with a value."""
    raw = await json_of(request)
    return {str(name): _text(value) for name, value in raw.items()}


async def json_of(request: web.Request) -> dict[str, Any]:
    """A JSON object, or Refusal 400."""
    try:
        raw = json.loads(await request.text() or "{}")
    except ValueError:
        raise Refusal(400, "Exception while reading request", "The payload is not valid JSON.") from None
    if not isinstance(raw, dict):
        raise Refusal(400, "Exception while reading request", "The payload is not a JSON object.")
    return raw


def is_true(text: str | None) -> bool:
    return (text or "").lower() == "true"


def number(text: str | None, default: int) -> int:
    """A number of a query parameter; the default where it is absent or no number."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else default


def _text(value: object) -> str:
    if isinstance(value, dict):
        return _text(value.get("value", ""))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
