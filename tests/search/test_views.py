"""Records over HTTP: what is answered, in which form, and to whom."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from app.db.database import Database
from app.http import openapi
from app.http.application import build
from app.metrics import Metrics
from app.search import views
from app.search.views import PATH, RecordViews
from app.tokens.model import Permission, Scope, TokenScope
from manifests import record
from manifests.merkle import leaf_hash
from tests.db.opened import opened
from tests.search.made import AT, SEQUENCER, draft, indexed, stage

Client = TestClient[Any, Any]
SECRET = "ghp_" + "a1" * 18
READ = (Permission.AUDIT_READ,)
CALLERS = {
    "auditor": ("acme", Scope(READ)),
    "admin": ("acme", Scope((Permission.ADMIN,))),
    "reader": ("acme", Scope((Permission.RELEASE_READ,))),
    "stranger": ("other", Scope(READ)),
    "bound": ("acme", Scope(READ, repository="acme/models")),
    "staging": ("acme", Scope(READ, environments=("staging",))),
}


class Known:
    async def identify(self, credential: str) -> TokenScope | None:
        found = CALLERS.get(credential)
        return TokenScope(f"token:{credential}", *found) if found else None


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(f"sqlite:///{tmp_path}/log.db", SEQUENCER) as found:
        await stage(found, [draft(AT + number, actor=f"a{number % 2}", trace=f"t{number}") for number in range(30)])
        await stage(found, [draft(AT + 30, actor="=1+1", outcome=SECRET)])
        await stage(found, [draft()], "system")
        await indexed(found, 20)
        yield found


@pytest.fixture
async def client(database: Database, aiohttp_client: AiohttpClient) -> Client:
    routes = RecordViews(database, lambda: AT + 40).routes()
    return await aiohttp_client(build(routes, metrics=Metrics(), authenticators=[Known()]))


async def get(client: Client, path: str, by: str = "auditor", status: int = 200, accept: str = "*/*") -> bytes:
    async with client.get(PATH + path, headers={"Authorization": f"Bearer {by}", "Accept": accept}) as answer:
        assert answer.status == status, await answer.text()
        return await answer.read()


async def page(client: Client, path: str, by: str = "auditor") -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(await get(client, path, by))
    return found


async def test_pages_lead_through_everything_that_fits(client: Client) -> None:
    found, before = [], ""
    while True:
        one = await page(client, f"?actor=a1&limit=4{before}")
        found += [record["seq"] for record in one["records"]]
        assert (one["log"], one["size"], one["indexed"], one["cut_short"]) == ("acme", 31, 20, False)
        if one["next"] is None:
            break
        before = f"&before={one['next']}"
    assert found == list(range(29, 0, -2))


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        ("trace=t7", [7]),
        ("since=2026-09-21T14:13:20.000028Z&until=2026-09-21T14:13:20.000030%2B00:00", [29, 28]),
        ("resource=release/*&limit=2", [30, 29]),
        ("event=verdict.recorded&outcome=wait&actor=a0&limit=1", [28]),
        ("since=1d&limit=1", [30]),
        ("action=none", []),
    ],
)
async def test_filters_hold_together(client: Client, asked: str, seqs: list[int]) -> None:
    assert [one["seq"] for one in (await page(client, f"?{asked}"))["records"]] == seqs


async def test_one_record_comes_with_its_exact_bytes(client: Client) -> None:
    found = await page(client, "/30")
    data = base64.b64decode(found["bytes"])
    assert SECRET.encode() in data
    assert record.parse(data).seq == found["record"]["seq"] == 30
    assert leaf_hash(data).hex() == found["leaf"]
    assert b"record.unknown" in await get(client, "/31", status=404)


@pytest.mark.parametrize("accept", ["application/x-ndjson", "*/*"])
async def test_a_stream_holds_all_that_fits_oldest_first(
    client: Client, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PER_CHUNK", 4)
    lines = (await get(client, "?format=jsonl" if accept == "*/*" else "", accept=accept)).splitlines()
    assert [msgspec.json.decode(line)["seq"] for line in lines] == list(range(31))
    assert [record.parse(line).seq for line in lines[:30]] == list(range(30))
    assert msgspec.json.decode(lines[30])["scrubbed"] == ["GitHub token"]
    assert SECRET.encode() not in lines[30]
    later = (await get(client, "?format=jsonl&after=28")).splitlines()
    assert later == lines[29:]
    assert await get(client, "?format=jsonl&actor=nobody") == b""


async def test_a_spreadsheet_gets_csv(client: Client) -> None:
    text = (await get(client, "?format=csv&since=2026-09-21T14:13:20.000029Z")).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["seq"] for row in rows] == ["29", "30"]
    assert (rows[1]["actor_ref"], rows[1]["outcome"]) == ("'=1+1", "[scrubbed: GitHub token]")


async def test_a_page_hides_secrets_and_says_so(client: Client) -> None:
    one = (await page(client, "?limit=1"))["records"][0]
    assert (one["outcome"], one["scrubbed"]) == ("[scrubbed: GitHub token]", ["GitHub token"])


@pytest.mark.parametrize(
    ("asked", "by", "status", "code"),
    [
        ("", "reader", 403, "auth.permission"),
        ("/1", "reader", 403, "auth.permission"),
        ("", "nobody", 401, "auth.credential"),
        ("?log=system", "auditor", 403, "audit.log"),
        ("/0?log=system", "auditor", 403, "audit.log"),
        ("?log=other", "admin", 400, "request.invalid"),
        ("", "bound", 403, "auth.scope"),
        ("?format=jsonl", "staging", 403, "auth.scope"),
        ("?since=yesterday", "auditor", 400, "audit.query"),
        ("?since=9999999999-01-01", "auditor", 400, "audit.query"),
        ("?event=x.y", "auditor", 400, "audit.query"),
        ("?resource=rel*", "auditor", 400, "audit.query"),
        ("?resource=release%00", "auditor", 400, "audit.query"),
        ("?trace=%00", "auditor", 400, "audit.query"),
        ("?limit=501", "auditor", 400, "request.invalid"),
        ("?limit=0", "auditor", 400, "request.invalid"),
        ("?before=-1", "auditor", 400, "request.invalid"),
        ("?actor=a&actor=b", "auditor", 400, "request.invalid"),
        ("?format=xml", "auditor", 400, "request.invalid"),
    ],
)
async def test_what_is_refused_says_why(client: Client, asked: str, by: str, status: int, code: str) -> None:
    assert msgspec.json.decode(await get(client, asked, by, status))["code"] == code


async def test_each_tenant_reads_its_own_log(client: Client) -> None:
    assert (await page(client, "", "stranger"))["records"] == []
    await get(client, "/0", "stranger", 404)
    assert [one["log"] for one in (await page(client, "?log=system", "admin"))["records"]] == ["system"]
    assert (await page(client, "/0?log=system", "admin"))["record"]["log"] == "system"


async def test_nothing_of_an_altered_record_is_shown(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("DROP TRIGGER records_no_update")
        connection.execute("UPDATE records SET event = 'head.seen' WHERE seq = 9")
        connection.commit()
    for path in ("", "/9", "?format=jsonl", "?format=csv", "?trace=t9"):
        answer = msgspec.json.decode(await get(client, path, status=500))
        assert answer["code"] == "audit.record_altered"
        assert "audit verify" in answer["remedy"]
    monkeypatch.setattr(views, "PER_CHUNK", 4)
    with pytest.raises(aiohttp.ClientPayloadError):
        await get(client, "?format=jsonl")


async def test_a_stream_ends_where_the_log_ended_when_it_began(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PER_CHUNK", 2)
    reading = asyncio.create_task(get(client, "?format=jsonl"))
    while not reading.done():
        await stage(database, [draft() for _ in range(20)])
    seqs = [msgspec.json.decode(line)["seq"] for line in (await reading).splitlines()]
    assert seqs == list(range(len(seqs)))
    assert len(seqs) >= 31


def test_the_filters_are_in_the_openapi_document() -> None:
    routes = RecordViews(None, lambda: AT).routes()  # type: ignore[arg-type]
    described = msgspec.json.decode(openapi.document(routes, version="1"))
    parameters = {one["name"] for one in described["paths"][PATH]["get"]["parameters"]}
    assert {"since", "until", "actor", "action", "event", "outcome", "resource", "trace"} <= parameters
    assert {"before", "after", "limit", "log", "format"} <= parameters


async def test_where_there_are_several_tenants_nobody_reads_the_systems_log_over_http(
    database: Database, aiohttp_client: AiohttpClient
) -> None:
    routes = RecordViews(database, lambda: AT + 40).routes()
    shared: Client = await aiohttp_client(build(routes, metrics=Metrics(), authenticators=[Known()], sole_tenant=False))
    refused = msgspec.json.decode(await get(shared, "?log=system", "admin", 403))
    assert (refused["code"], "audit list --log system" in refused["remedy"]) == ("audit.log", True)
    assert (await page(shared, "", "admin"))["records"]
