"""Tokens: made once, kept as digests, verified, narrowed, revoked, recorded."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient
from sqlalchemy import text

from app.db.database import Database
from app.tokens.errors import BeyondScopeError, TokenError, UnknownTokenError, WorkflowScopeError
from app.tokens.model import Permission, Scope, token_id
from app.tokens.service import CACHE_S, Tokens
from app.tokens.views import TokenViews
from manifests import canonical
from tests.shell.opened import ADMIN, READER, Clock, application, database_in, records_of

DECIDE = Scope((Permission.GATE_DECIDE,), repository="acme/models", environments=("production",))
SCOPES = st.builds(
    Scope,
    st.lists(st.sampled_from(Permission), max_size=3, unique=True).map(tuple),
    st.sampled_from((None, "a/b", "a/c")),
    st.lists(st.sampled_from(("staging", "production")), max_size=2, unique=True).map(tuple),
    st.sampled_from((None, "w.yaml")),
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await database_in(tmp_path)
    yield database
    await database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(database: Database, clock: Clock) -> Tokens:
    return Tokens(database, clock)


async def test_a_token_identifies_its_scope_and_tenant(tokens: Tokens) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    found = await tokens.identify(made.text)
    assert found is not None
    assert (found.tenant, found.scope, found.actor) == ("acme", DECIDE, f"token:{made.token.id}")
    assert token_id(made.text) == made.token.id


async def test_only_the_digest_is_kept(tokens: Tokens, database: Database, tmp_path: Path) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    secret = made.text.rpartition("_")[2] if made.text.count("_") == 2 else made.text[20:]
    await database.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in kept
    assert made.text not in repr(made)


@pytest.mark.parametrize("position", [3, 20, 25, -1])
async def test_a_token_with_another_character_is_none(tokens: Tokens, position: int) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    wrong = "b" if made.text[position] == "a" else "a"
    altered = list(made.text)
    altered[position] = wrong
    assert await tokens.identify("".join(altered)) is None


@pytest.mark.parametrize("text", ["", "cs_", "cs_x_y", "ghs_abc", "cs_0123456789abcdef_" + "é" * 43])
async def test_what_has_not_the_form_is_none(tokens: Tokens, text: str) -> None:
    assert await tokens.identify(text) is None


@pytest.mark.parametrize("asked_before", [False, True])
async def test_an_expired_token_is_none_also_when_cached(tokens: Tokens, clock: Clock, asked_before: bool) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    clock.forward(86_400 - 1)
    if asked_before:
        assert await tokens.identify(made.text) is not None
    clock.forward(1)
    assert await tokens.identify(made.text) is None


async def test_a_clock_behind_the_creation_identifies_nobody(tokens: Tokens, clock: Clock) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    clock.forward(-1)
    assert await tokens.identify(made.text) is None


async def test_a_revoked_token_is_none_at_once(tokens: Tokens) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    assert await tokens.identify(made.text) is not None
    await tokens.revoke("acme", made.token.id, by="service:operator")
    assert await tokens.identify(made.text) is None


async def test_another_replica_notices_a_revocation_within_the_cache_time(
    tokens: Tokens, database: Database, clock: Clock
) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    other = Tokens(database, clock)
    assert await other.identify(made.text) is not None
    await tokens.revoke("acme", made.token.id, by="service:operator")
    clock.forward(CACHE_S)
    assert await other.identify(made.text) is None


async def test_nobody_revokes_across_tenants_or_twice(tokens: Tokens) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    with pytest.raises(UnknownTokenError):
        await tokens.revoke("other", made.token.id, by="service:operator")
    await tokens.revoke("acme", made.token.id, by="service:operator")
    with pytest.raises(UnknownTokenError):
        await tokens.revoke("acme", made.token.id, by="service:operator")
    assert await tokens.of_tenant("other") == ()
    assert [token.revoked_at is None for token in await tokens.of_tenant("acme")] == [False]


async def test_making_and_revoking_are_recorded_in_the_tenants_log(tokens: Tokens, database: Database) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="token:maker")
    await tokens.revoke("acme", made.token.id, by="service:operator")
    records = await records_of(database, "acme")
    assert [(record.event, record.actor_ref) for record in records] == [
        ("token.created", "token:maker"),
        ("token.revoked", "service:operator"),
    ]
    assert {record.resource for record in records} == {f"token/{made.token.id}"}
    assert json.loads(bytes(records[0].data))["scope"]["repository"] == "acme/models"


@pytest.mark.parametrize(
    ("name", "scope", "days", "error"),
    [
        ("", DECIDE, 1, TokenError),
        ("x" * 101, DECIDE, 1, TokenError),
        ("a\nb", DECIDE, 1, TokenError),
        ("x", Scope(()), 1, TokenError),
        ("x", DECIDE, 0, TokenError),
        ("x", DECIDE, 367, TokenError),
        ("x", Scope((Permission.ADMIN,)), 1, BeyondScopeError),
    ],
)
async def test_what_is_no_token_is_refused(
    tokens: Tokens, database: Database, name: str, scope: Scope, days: int, error: type[TokenError]
) -> None:
    within = Scope((Permission.GATE_DECIDE, Permission.TOKENS_MANAGE))
    with pytest.raises(error):
        await tokens.create("acme", name, scope, days=days, by="token:x", within=within)
    assert await tokens.of_tenant("acme") == ()
    assert await records_of(database, "acme") == []


async def test_no_token_is_made_for_a_workflow_that_it_could_not_prove(tokens: Tokens, database: Database) -> None:
    bound = Scope((Permission.GATE_DECIDE,), workflow=".github/workflows/deploy.yml")
    with pytest.raises(WorkflowScopeError, match="OIDC"):
        await tokens.create("acme", "pipeline", bound, days=1, by="service:operator")
    assert await tokens.of_tenant("acme") == ()
    assert await records_of(database, "acme") == []


async def test_a_token_kept_with_a_workflow_lets_nobody_in(tokens: Tokens, database: Database) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    bound = canonical.encode(msgspec.structs.replace(DECIDE, workflow="w.yml")).decode()
    swap = text("UPDATE tokens SET scope_json = :scope")
    assert await database.write(lambda tx: tx.run(swap, scope=bound).rowcount) == 1
    (kept,) = await tokens.of_tenant("acme")
    assert kept.scope.workflow == "w.yml"
    assert await tokens.identify(made.text) is None


@given(SCOPES, SCOPES)
def test_a_scope_within_another_allows_nothing_that_the_other_does_not(inner: Scope, outer: Scope) -> None:
    if not inner.within(outer):
        return
    for permission in Permission:
        assert not inner.allows(permission) or outer.allows(permission)
    for repository, environment in itertools.product(("a/b", "a/c", "d/e"), ("staging", "production", "other")):
        if inner.covers(repository=repository, environment=environment):
            assert outer.covers(repository=repository, environment=environment)
    assert outer.workflow in (None, inner.workflow)


@given(SCOPES)
def test_a_scope_is_within_itself_and_within_the_administrators(scope: Scope) -> None:
    assert scope.within(scope)
    assert scope.within(ADMIN)


async def test_a_row_whose_digest_was_swapped_identifies_nobody(tokens: Tokens, database: Database) -> None:
    made = await tokens.create("acme", "pipeline", DECIDE, days=1, by="service:operator")
    await database.write(lambda tx: tx.run(text("UPDATE tokens SET digest = 'x'")).rowcount)
    assert await tokens.identify(made.text) is None


async def test_tokens_are_managed_over_http(aiohttp_client: AiohttpClient, tokens: Tokens) -> None:
    client = await aiohttp_client(application(TokenViews(tokens).routes()))
    admin = {"Authorization": "Bearer admin"}
    wanted = {"name": "pipeline", "scope": {"permissions": ["gate.decide"]}, "days": 2}
    made = await (await client.post("/api/v1/tokens", json=wanted, headers=admin)).json()
    assert await tokens.identify(made["secret"]) is not None
    listed = await (await client.get("/api/v1/tokens", headers=admin)).text()
    assert made["token"]["id"] in listed
    assert made["secret"] not in listed
    assert (await client.delete(f"/api/v1/tokens/{made['token']['id']}", headers=admin)).status == 204
    assert (await client.delete(f"/api/v1/tokens/{made['token']['id']}", headers=admin)).status == 404
    assert await tokens.identify(made["secret"]) is None


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"name": "x", "scope": {"permissions": ["gate.fly"]}}, 400, "request.invalid"),
        ({"name": "x", "scope": {"permissions": ["admin"], "environment": "staging"}}, 400, "request.invalid"),
        ({"name": "x", "scope": {"permissions": []}}, 422, "token.refused"),
        ({"name": "x", "scope": {"permissions": ["admin"], "workflow": "w.yml"}}, 422, "token.workflow"),
        ({"name": "x", "scope": {"permissions": ["admin"]}, "tenant": "other"}, 400, "request.invalid"),
    ],
)
async def test_a_wrong_wish_is_refused_over_http(
    aiohttp_client: AiohttpClient, tokens: Tokens, wanted: object, status: int, code: str
) -> None:
    client = await aiohttp_client(application(TokenViews(tokens).routes()))
    response = await client.post("/api/v1/tokens", json=wanted, headers={"Authorization": "Bearer admin"})
    assert (response.status, (await response.json())["code"]) == (status, code)


async def test_a_reader_manages_no_tokens(aiohttp_client: AiohttpClient, tokens: Tokens) -> None:
    assert not READER.allows(Permission.TOKENS_MANAGE)
    client = await aiohttp_client(application(TokenViews(tokens).routes()))
    for method, path in (("GET", "/api/v1/tokens"), ("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/x")):
        assert (await client.request(method, path, headers={"Authorization": "Bearer reader"})).status == 403


async def test_a_token_of_a_repository_neither_sees_nor_revokes_those_of_the_tenant(
    aiohttp_client: AiohttpClient, tokens: Tokens
) -> None:
    other = await tokens.create("acme", "another repository's", DECIDE, days=1, by="service:operator")
    client = await aiohttp_client(application(TokenViews(tokens).routes()))
    bound = {"Authorization": "Bearer bound"}
    for method, path in (("GET", "/api/v1/tokens"), ("DELETE", f"/api/v1/tokens/{other.token.id}")):
        response = await client.request(method, path, headers=bound)
        assert (response.status, (await response.json())["code"]) == (403, "auth.scope")
    assert await tokens.identify(other.text) is not None
