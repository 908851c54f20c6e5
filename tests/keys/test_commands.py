"""Looking after keys from the command line and over HTTP, while the service runs and while it is stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from app.keys.files import ENCRYPTED
from app.keys.views import KeyViews
from tests.keys.made import DAY_S, LOGS, Clock, Opened, opened, settings_for
from tests.shell.conftest import Command, countersign
from tests.shell.opened import application

__all__ = ["countersign"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "countersign.toml").write_text('[[tenants]]\nid = "acme"\npolicy = "acme.yaml"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERSIGN_CONFIG", raising=False)
    return tmp_path


def listed(countersign: Command) -> dict[tuple[str, str], dict[str, Any]]:
    """By use and state."""
    found = json.loads(countersign("keys", "list", "--json").out)["keys"]
    return {(one["use"], one["state"]): one for one in found}


def test_keys_are_replaced_while_the_service_is_stopped(countersign: Command, home: Path) -> None:
    assert countersign("keys", "rotate", "--offline", "--dry-run").code == 0
    before = listed(countersign)["log", "current"]
    done = countersign("keys", "rotate", "--offline", "--json")
    assert done.code == 0, done.err
    after = listed(countersign)
    assert json.loads(done.out)["new"] == after["log", "current"]["fingerprint"]
    assert after["log", "previous"]["fingerprint"] == before["fingerprint"]
    told = countersign("keys", "list").out
    assert "previous" in told
    assert "PRIVATE" not in told
    again = countersign("keys", "rotate", "--offline")
    assert again.code == 3
    assert "wait for the end of the overlap" in again.err


def test_a_leaked_key_is_revoked_while_the_service_is_stopped(countersign: Command, home: Path) -> None:
    countersign("keys", "rotate", "--offline", "--dry-run")
    leaked = listed(countersign)["log", "current"]["fingerprint"]
    arguments = ("keys", "revoke", leaked, "--since", "now", "--reason", "leaked", "--offline")
    assert "would be followed" in countersign(*arguments, "--preview").out
    assert listed(countersign)["log", "current"]["fingerprint"] == leaked
    assert countersign(*arguments).code == 0
    after = listed(countersign)
    assert after["log", "revoked"]["fingerprint"] == leaked
    assert after["log", "revoked"]["periods"][0]["counts_to"] == 2


@pytest.mark.parametrize(
    "arguments",
    [("--from-size", "acme"), ("--from-size", "acme=x"), ("--since", "yesterday")],
    ids=["no size", "no number", "no instant"],
)
def test_a_place_that_cannot_be_read_is_refused(countersign: Command, home: Path, arguments: tuple[str, ...]) -> None:
    done = countersign("keys", "revoke", "SHA256:x", "--reason", "x", "--offline", *arguments)
    assert done.code == 2


def test_keys_are_encrypted_in_place_by_command(
    countersign: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert countersign("keys", "encrypt").code == 2
    countersign("keys", "rotate", "--offline", "--dry-run")
    before = listed(countersign)
    monkeypatch.setenv("COUNTERSIGN_KEYS__PASSPHRASE", "correct horse battery staple")
    assert countersign("keys", "encrypt").out.count("Encrypted") == 2
    assert ENCRYPTED in (home / "keys" / "log.pem").read_bytes()
    assert listed(countersign) == before
    assert countersign("keys", "decrypt").out.count("Decrypted") == 2
    monkeypatch.delenv("COUNTERSIGN_KEYS__PASSPHRASE")
    assert listed(countersign) == before


def client_of(at: Opened) -> Any:
    return application(KeyViews(at.database, at.ring, at.keeper, LOGS).routes())


ADMIN = {"Authorization": "Bearer admin"}


async def test_an_administrator_replaces_a_key_of_the_running_service(
    aiohttp_client: AiohttpClient, database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        client = await aiohttp_client(client_of(at))
        old = at.ring.log.public.fingerprint
        path = "/api/v1/keys/rotation"
        assert (await client.post(path, json={})).status == 401
        assert (await client.post(path, json={}, headers={"Authorization": "Bearer reader"})).status == 403
        assert (await (await client.post(path, json={"preview": True}, headers=ADMIN)).json())["done"] is False
        done = await (await client.post(path, json={}, headers=ADMIN)).json()
        assert (done["old"], done["new"]) == (old, at.ring.log.public.fingerprint)
        refused = await client.post(path, json={}, headers=ADMIN)
        assert refused.status == 409
        assert (await refused.json())["code"] == "key.unusable"
        clock.forward(8 * DAY_S)
        await at.keeper.advance()
        keys = (await (await client.get("/api/v1/keys")).json())["keys"]
        states = {one["fingerprint"]: one["state"] for one in keys if one["use"] == "log"}
        assert states == {old: "archived", done["new"]: "current"}
        (archived,) = [one for one in keys if one["fingerprint"] == old]
        acme = next(one for one in archived["periods"] if one["log"] == "acme")
        assert (acme["first"], acme["last"], acme["counts_to"]) == (0, 2, None)


async def test_an_administrator_of_one_repository_replaces_no_key(
    aiohttp_client: AiohttpClient, tmp_path: Path
) -> None:
    async with opened(settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path), Clock()) as at:
        client, before = await aiohttp_client(client_of(at)), at.ring.log
        for path in ("rotation", "revocation"):
            body = {"fingerprint": before.public.fingerprint, "reason": "leaked", "since": 0}
            refused = await client.post(f"/api/v1/keys/{path}", json=body, headers={"Authorization": "Bearer bound"})
            assert (refused.status, (await refused.json())["code"]) == (403, "auth.scope")
        assert at.ring.log == before


async def test_a_key_of_the_gate_stays_listed_with_its_term(aiohttp_client: AiohttpClient, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path), clock) as at:
        client = await aiohttp_client(client_of(at))
        old, began = at.ring.gate.public.fingerprint, clock()
        clock.forward(60)
        await client.post("/api/v1/keys/rotation", json={"use": "gate"}, headers=ADMIN)
        clock.forward(DAY_S)
        await at.keeper.advance()
        keys = (await (await client.get("/api/v1/keys")).json())["keys"]
        (archived,) = [one for one in keys if one["fingerprint"] == old]
        assert (archived["state"], archived["since"], archived["until"]) == ("archived", began, clock())
        body = {"fingerprint": old, "reason": "leaked", "since": began + 1}
        await client.post("/api/v1/keys/revocation", json=body, headers=ADMIN)
        keys = (await (await client.get("/api/v1/keys")).json())["keys"]
        (revoked,) = [one for one in keys if one["fingerprint"] == old]
        assert (revoked["state"], revoked["void_from"]) == ("revoked", began + 1)


async def test_a_revocation_over_http_says_what_is_missing(aiohttp_client: AiohttpClient, tmp_path: Path) -> None:
    async with opened(settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path), Clock()) as at:
        client = await aiohttp_client(client_of(at))
        body = {"fingerprint": at.ring.log.public.fingerprint, "reason": "leaked"}
        refused = await client.post("/api/v1/keys/revocation", json=body, headers=ADMIN)
        assert refused.status == 409
        assert "acme=1, globex=1, system=2" in (await refused.json())["detail"]
