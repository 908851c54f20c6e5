"""Answers with names in place of marks."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from app.db.database import Database
from app.http.body import answer
from app.privacy import names


async def shown(database: Database, tenant: str, value: Any, status: int = 200) -> web.Response:
    """A struct as a JSON answer to somebody of this tenant."""
    response = answer(value, status)
    body = response.body
    assert isinstance(body, bytes)
    response.body = await names.in_json(database, tenant, body)
    return response
