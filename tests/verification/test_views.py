"""How the logs stand is told over HTTP to whoever may read them, and nobody else starts a run."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from app.http.application import build
from app.metrics import Metrics
from app.tokens.model import Permission, Scope, TokenScope
from app.verification.views import PATH, VerificationViews
from tests.verification.test_ladder import Bench, ladder

__all__ = ["ladder"]

READ, ADMIN = (Permission.AUDIT_READ,), (Permission.ADMIN,)
CALLERS = {
    "auditor": ("acme", Scope(READ)),
    "stranger": ("other", Scope(READ)),
    "bound": ("acme", Scope(READ, repository="acme/models")),
    "bound-admin": ("acme", Scope(ADMIN, repository="acme/models")),
}


class Known:
    async def identify(self, credential: str) -> TokenScope | None:
        found = CALLERS.get(credential)
        return TokenScope(f"token:{credential}", *found) if found else None


async def ask(client: Any, method: str, by: str) -> tuple[int, Any]:
    asked = client.request(method, PATH, json={}, headers={"Authorization": f"Bearer {by}"})
    async with asked as answer:
        return answer.status, await answer.json()


@pytest.fixture
async def client(ladder: Bench, aiohttp_client: AiohttpClient) -> Any:
    await ladder.ladder.verify(full=True)
    views = VerificationViews(ladder.ladder, ladder.database)
    return await aiohttp_client(build(views.routes(), metrics=Metrics(), authenticators=[Known()]))


async def test_each_tenant_sees_how_its_own_log_stands(client: Any) -> None:
    status, told = await ask(client, "GET", "auditor")
    assert (status, [one["log"] for one in told["logs"]]) == (200, ["acme"])
    assert await ask(client, "GET", "stranger") == (200, {"logs": []})


@pytest.mark.parametrize(("method", "by"), [("GET", "bound"), ("GET", "bound-admin"), ("POST", "bound-admin")])
async def test_a_token_of_a_repository_is_told_nothing_and_starts_nothing(
    client: Any, ladder: Bench, method: str, by: str
) -> None:
    before = len(ladder.requests)
    status, told = await ask(client, method, by)
    assert (status, told["code"], len(ladder.requests)) == (403, "auth.scope", before)


async def test_an_auditor_starts_no_run(client: Any) -> None:
    assert (await ask(client, "POST", "auditor"))[0] == 403
