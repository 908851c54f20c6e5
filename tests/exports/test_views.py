"""What a verifier may ask over HTTP, and of whose log."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from app.audit.proofs import Consistency, Inclusion
from manifests import checkpoint, merkle
from tests.audit.made import draft, fill, stage
from tests.db.opened import opened
from tests.exports import strangers
from tests.exports.made import ORIGIN, VKEY
from tests.exports.opened import BOUND, World, by
from tests.exports.test_jobs import SEQUENCE

Client = TestClient[Any, Any]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(200, 103))
    async with opened(url, SEQUENCE) as database:
        await stage(database, "system", [draft(0)])
        yield World(database, tmp_path / "exports")


@pytest.fixture
async def client(world: World, aiohttp_client: AiohttpClient) -> Client:
    return await aiohttp_client(world.application())


async def body(client: Client, path: str, name: str = "auditor", status: int = 200) -> bytes:
    async with client.get(f"/api/v1/{path}", **by(name)) as response:
        assert response.status == status, await response.text()
        return await response.read()


async def test_a_verifier_needs_nothing_but_these_addresses(client: Client) -> None:
    signed = checkpoint.verify(await body(client, "log/checkpoint"), ORIGIN, [VKEY])
    leaves = await body(client, "log/tile/0/000") + await body(client, "log/tile/0/001.p/47")
    hashes = [leaves[at : at + 32] for at in range(0, len(leaves), 32)]
    assert (len(hashes), merkle.root(hashes)) == (signed.size, signed.root) == (303, signed.root)
    entries, found = await body(client, "log/tile/entries/001.p/47"), []
    while entries:
        end = 2 + int.from_bytes(entries[:2], "big")
        found.append(merkle.leaf_hash(entries[2:end]))
        entries = entries[end:]
    assert found == hashes[256:]
    assert await body(client, "log/tile/1/000.p/1") == merkle.root(hashes[:256])


async def test_proofs_are_answered_for_machines_and_as_files(client: Client) -> None:
    signed = checkpoint.verify(await body(client, "log/checkpoint"), ORIGIN, [VKEY])
    found = msgspec.json.decode(await body(client, "log/proofs/inclusion/17"), type=Inclusion)
    assert merkle.verify_inclusion(17, 303, merkle.leaf_hash(found.body), found.proof, signed.root)
    text = await body(client, "log/proofs/inclusion/17?format=tlog-proof")
    assert text.decode() == found.tlog_proof()
    for query, new in (("old=200", 303), ("old=200&new=250", 250)):
        grown = msgspec.json.decode(await body(client, f"log/proofs/consistency?{query}"), type=Consistency)
        assert (grown.old, grown.new, bool(grown.checkpoint)) == (200, new, new == 303)
        assert merkle.verify_consistency(200, new, grown.old_root, grown.new_root, grown.proof)
    request = await body(client, "log/proofs/consistency?old=200&format=witness")
    assert request.startswith(b"old 200\n")
    assert request.endswith(b"\n\n" + await body(client, "log/checkpoint"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("log/tile/0/001", 404),
        ("log/tile/0/0", 404),
        ("log/tile/6/000", 404),
        ("log/tile/0/000.p/256", 404),
        ("log/tile/0/000%2f..%2f..%2fcheckpoint", 404),
        ("log/tile/entries/002", 404),
        ("log/proofs/inclusion/303", 404),
        ("log/proofs/inclusion/-1", 404),
        ("log/proofs/inclusion/99999999999999999", 404),
        ("log/proofs/consistency?old=0", 404),
        ("log/proofs/consistency?old=200&new=100", 404),
        ("log/proofs/consistency?old=200&new=304", 404),
        ("log/proofs/consistency", 400),
        ("log/proofs/inclusion/1?format=xml", 400),
        ("log/checkpoint?log=other", 403),
        ("log/checkpoint?log=system", 403),
        ("exports/none", 404),
    ],
)
async def test_what_is_not_there_or_not_theirs_is_refused(client: Client, path: str, status: int) -> None:
    await body(client, path, status=status)


@pytest.mark.parametrize("path", ["log/checkpoint", "log/tile/0/000", "log/proofs/inclusion/1", "exports"])
async def test_nobody_reads_without_the_permission(client: Client, path: str) -> None:
    await body(client, path, "reader", 403)
    await body(client, path, "nobody", 401)


async def test_only_an_administrator_reads_the_log_of_the_system(client: Client) -> None:
    assert (await body(client, "log/checkpoint?log=system", "admin")).startswith(b"countersign.dev/log/system\n1\n")
    await body(client, "log/checkpoint", "stranger", 404)


async def test_an_export_is_asked_for_made_and_downloaded(client: Client, world: World, tmp_path: Path) -> None:
    async with client.post("/api/v1/exports", json={}, **by("auditor")) as response:
        made = await response.json()
        assert (response.status, response.headers["Location"]) == (202, f"/api/v1/exports/{made['id']}")
    await body(client, f"exports/{made['id']}/download", status=409)
    await world.maker.turn()
    listed = msgspec.json.decode(await body(client, "exports"))["exports"]
    assert [(one["id"], one["state"], one["done"]) for one in listed] == [(made["id"], "done", 303)]
    async with client.get(f"/api/v1/exports/{made['id']}/download", **by("auditor")) as response:
        data = await response.read()
        assert f'filename="acme-{made["id"]}.tar.gz"' in response.headers["Content-Disposition"]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    assert strangers.python(folder).returncode == 0
    async with client.delete(f"/api/v1/exports/{made['id']}", **by("auditor")) as response:
        assert response.status == 204
    await body(client, f"exports/{made['id']}", status=404)
    assert world.files() == []


async def test_an_export_is_the_tenants_and_the_systems_an_administrators(client: Client) -> None:
    async with client.post("/api/v1/exports", json={"log": "system"}, **by("auditor")) as response:
        assert response.status == 403
    async with client.post("/api/v1/exports", json={"log": "system"}, **by("admin")) as response:
        made = await response.json()
        assert response.status == 202
    await body(client, f"exports/{made['id']}", "stranger", 404)
    await body(client, f"exports/{made['id']}", "auditor", 403)
    listed = [msgspec.json.decode(await body(client, "exports", name))["exports"] for name in ("auditor", "admin")]
    assert [len(exports) for exports in listed] == [0, 1]
    await body(client, f"exports/{made['id']}", "admin")


async def test_a_token_of_a_repository_does_not_see_what_is_exported(client: Client) -> None:
    async with client.post("/api/v1/exports", json={"actor": "ada"}, **by("auditor")) as response:
        made = await response.json()
    for path in ("exports", f"exports/{made['id']}", "log/checkpoint"):
        assert b"auth.scope" in await body(client, path, BOUND, 403)


@pytest.mark.parametrize(
    "asked",
    [
        {"format": "xml"},
        {"since": 1},
        {"since": "yesterday"},
        {"actor": "x" * 513},
        {"colour": "red"},
        {"event": "no.event"},
    ],
)
async def test_a_malformed_question_is_refused(client: Client, asked: dict[str, Any]) -> None:
    async with client.post("/api/v1/exports", json=asked, **by("auditor")) as response:
        assert response.status == 400


async def test_more_than_a_tenant_may_have_is_put_off(client: Client) -> None:
    statuses = []
    for _ in range(3):
        async with client.post("/api/v1/exports", json={}, **by("auditor")) as response:
            statuses.append(response.status)
    assert statuses == [202, 202, 429]
