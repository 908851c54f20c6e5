"""People's data over HTTP: who may ask, what takes two, what is told when it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient

from app.http.application import build
from app.metrics import Metrics
from app.privacy.disclosing import Disclosure
from app.privacy.views import PrivacyViews
from app.tenants.registry import Tenants
from app.tokens.model import Permission, Scope, TokenScope
from tests.privacy.world import LOG, World, world

AiohttpClient = Callable[[web.Application], Awaitable["Client"]]
Client = TestClient[web.Request, web.Application]
MANAGE, UNSEAL = Permission.PRIVACY_MANAGE, Permission.AUDIT_UNSEAL


class Known:
    """The credential is the caller's name; its first letter says what they may."""

    async def identify(self, credential: str) -> TokenScope | None:
        permission = {"m": MANAGE, "u": UNSEAL, "r": Permission.AUDIT_READ}.get(credential[0])
        tenant = "elsewhere" if credential.endswith("x") else LOG
        repository = "acme/models" if credential.endswith("b") else None
        return TokenScope(f"token:{credential}", tenant, Scope((permission,), repository)) if permission else None


class OnlyAcme(Tenants):
    def __init__(self) -> None:
        super().__init__(())

    def get(self, tenant_id: str) -> object:  # type: ignore[override]
        return type("Tenant", (), {"id": LOG})() if tenant_id == LOG else None


class Api:
    def __init__(self, at: World, client: Client) -> None:
        self.at = at
        self._client = client

    async def __call__(self, who: str, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        headers = {"Authorization": f"Bearer {who}"}
        async with self._client.request(method, f"/api/v1/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json()


async def serve(at: World, aiohttp_client: AiohttpClient) -> Api:
    disclosure = Disclosure(at.database, at.sealer, at.deliveries, at.clock)
    views = PrivacyViews(at.erasures, at.holds, disclosure, OnlyAcme())
    return Api(at, await aiohttp_client(build(views.routes(), metrics=Metrics(), authenticators=[Known()])))


ADA = {"account": "github:1", "reason": "they asked"}


async def test_an_erasure_from_request_to_confirmation(database_url: str, aiohttp_client: AiohttpClient) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        api = await serve(at, aiohttp_client)
        status, asked = await api("m1", "POST", "privacy/erasures", ADA)
        assert (status, asked["state"], asked["reason"]) == (201, "requested", "they asked")
        confirmation = f"privacy/erasures/{asked['id']}/confirmation"
        status, refused = await api("m1", "POST", confirmation, {})
        assert (status, refused["code"]) == (409, "erasure.second_person")
        status, erased = await api("m2", "POST", confirmation, {})
        assert (status, erased["state"], erased["settled_by"]) == (200, "erased", "token:m2")
        assert await api("m1", "GET", "privacy/erasures") == (200, {"erasures": [erased]})


async def test_holds_access_and_unsealing(database_url: str, aiohttp_client: AiohttpClient) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        api = await serve(at, aiohttp_client)
        status, hold = await api("m1", "POST", "privacy/holds", ADA)
        assert (status, hold["state"]) == (201, "placed")
        status, refused = await api("m1", "POST", "privacy/erasures", ADA)
        assert (status, refused["code"]) == (409, "erasure.refused")
        assert "legal hold" in str(refused["found"])
        for who, state in (("m1", "lift_requested"), ("m2", "lifted")):
            status, hold = await api(who, "POST", f"privacy/holds/{hold['id']}/lifting", {"reason": "over"})
            assert (status, hold["state"]) == (200, state)
        assert await api("m1", "GET", "privacy/holds") == (200, {"holds": [hold]})
        status, portrait = await api("m1", "POST", "privacy/exports", ADA)
        assert (status, portrait["accounts"]) == (200, ["github:1"])
        status, unsealed = await api("u1", "POST", "audit/unsealings", {"seq": 0, "reason": "audit"})
        assert (status, unsealed["fields"]) == (200, {"login": "ada"})


REFUSED = (
    ("u1", "privacy/erasures", ADA),
    ("r1", "privacy/exports", ADA),
    ("u1", "privacy/holds", ADA),
    ("m1", "audit/unsealings", {"seq": 0, "reason": "curious"}),
    ("mx", "privacy/erasures", ADA),
    ("ux", "audit/unsealings", {"seq": 0, "reason": "curious"}),
    ("mb", "privacy/holds", ADA),
    ("ub", "audit/unsealings", {"seq": 0, "reason": "curious"}),
)


async def test_only_who_may_is_answered(database_url: str, aiohttp_client: AiohttpClient) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        before, api = await at.records(), await serve(at, aiohttp_client)
        for who, path, body in REFUSED:
            assert (await api(who, "POST", path, body))[0] == 403, (who, path)
        assert await at.records() == before


ODD = (
    ("m1", "privacy/erasures", {"account": "a\0b", "reason": "r"}),
    ("m1", "privacy/holds", {"account": "a" * 321, "reason": "r"}),
    ("u1", "audit/unsealings", {"seq": 10**30, "reason": "r"}),
    ("u1", "audit/unsealings", {"seq": -1, "reason": "r"}),
)


async def test_what_no_database_takes_is_refused(database_url: str, aiohttp_client: AiohttpClient) -> None:
    async with world(database_url) as at:
        api = await serve(at, aiohttp_client)
        for who, path, body in ODD:
            assert (await api(who, "POST", path, body))[0] == 400, body


async def test_what_does_not_open_is_told_as_damage(database_url: str, aiohttp_client: AiohttpClient) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        await at.run("UPDATE subject_keys SET person = 'somebody'")
        status, problem = await (await serve(at, aiohttp_client))(
            "u1", "POST", "audit/unsealings", {"seq": 0, "reason": "audit"}
        )
        assert (status, problem["code"]) == (500, "privacy.unreadable")
