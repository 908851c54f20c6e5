"""Records from outside: all of a call or none, under names that no record of ours has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient
from sqlalchemy import text

from app.audit.append import Appender
from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.http.application import build
from app.ingest.views import IngestViews
from app.metrics import Metrics
from app.tenants.registry import Tenants
from app.tokens.model import Permission, Scope
from manifests.keys import PrivateKey
from manifests.merkle import leaf_hash
from manifests.record import Record
from tests.audit.made import verified
from tests.db.opened import opened
from tests.shell.opened import READER, START, Clock, KnownCredentials, records_of

KEY = PrivateKey.generate("ed25519")
PATH = "/api/v1/records"


class OneTenant(Tenants):
    def get(self, name: str) -> Any:
        return name if name == "acme" else None


class Ingesting:
    """The routes over a real log. ``appender`` takes at most 300 records at a time."""

    def __init__(self, database: Database, sequencer: LogSequencer, serve: AiohttpClient) -> None:
        self.database = database
        self.metrics = Metrics()
        self.appender = Appender(database, sequencer, self.metrics, max_records=300)
        self._serve = serve
        self._client: Any = None

    async def post(self, body: Any, token: str = "cluster") -> tuple[int, Any, Any]:
        if self._client is None:
            appending = Scope((Permission.AUDIT_APPEND,))
            known = KnownCredentials({"cluster": appending, "reader": READER})
            views = IngestViews(self.appender, OneTenant(()), Clock())
            self._client = await self._serve(build(views.routes(), metrics=self.metrics, authenticators=[known]))
        named = {"data": body} if isinstance(body, bytes) else {"json": body}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = await self._client.post(PATH, headers=headers, **named)
        return answer.status, await answer.json(), answer.headers

    async def records(self) -> list[Record]:
        return await records_of(self.database, "acme")


@pytest.fixture
async def ingesting(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Ingesting]:
    sequencer = LogSequencer([KEY])
    async with opened(f"sqlite:///{tmp_path}/countersign.db", sequencer) as database:
        yield Ingesting(database, sequencer, aiohttp_client)


def one(**more: Any) -> dict[str, Any]:
    return {"trace": "run-1", "action": "training.started", **more}


def nested(depth: int) -> Any:
    """So many objects inside one."""
    found: Any = {}
    for _ in range(depth):
        found = {"in": found}
    return found


async def test_records_are_numbered_together_and_can_be_proven(ingesting: Ingesting) -> None:
    await ingesting.post({"records": [one()]})
    sent = [one(resource="models/intraday", data={"gpus": 8}, occurred_at="2026-11-20T11:00:00+01:00"),
            one(trace="run-2", action="ended", outcome="ok", request_id="r-1")]  # fmt: skip
    status, answer, _ = await ingesting.post({"records": sent})
    found = await ingesting.records()
    assert (status, answer["log"], answer["first_seq"]) == (201, "acme", 1)
    rows = await ingesting.database.read(lambda tx: tx.all(text("SELECT body FROM records ORDER BY seq")))
    assert answer["leaves"] == [leaf_hash(bytes(row.body)).hex() for row in rows[1:]]
    first, second = found[1:]
    assert bytes(first.data) == b'{"occurred_at":"2026-11-20T10:00:00Z","reported":{"gpus":8}}'
    assert (first.trace_id, first.resource, first.tseq) == ("external/run-1", "external/models/intraday", 1)
    assert (second.trace_id, second.resource, second.outcome) == ("external/run-2", "external/run-2", "ok")
    assert (second.request_id, len(first.request_id)) == ("r-1", 32)
    assert {one.ts for one in found} == {START}, "the time of a record is the server's"
    assert {one.actor_ref for one in found} == {"token:cluster"}
    assert {one.event for one in found} == {"external.reported"}


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        (one(data={"loss": 0.5}), "$.records[1].data.loss"),
        (one(data={"runs": [1, {"loss": 1e3}]}), "$.records[1].data.runs[1].loss"),
        (one(data={"seed": 2**53}), "$.records[1].data.seed"),
        (one(data={"größe": 1}), "$.records[1].data"),
        (one(data=[1]), "$.records[1].data"),
        (one(data=nested(32)), "$.records[1].data.in.in"),
        (one(data={"runs": nested(900)}), "$.records[1].data.runs.in"),
        (one(occurred_at="yesterday"), "$.records[1].occurred_at"),
        (one(occurred_at="0001-01-01T00:00:00+14:00"), "$.records[1].occurred_at"),
        (one(event="grant.recorded"), "$.records[1]"),
        (one(trace=""), "$.records[1].trace"),
        (one(trace="../1\n"), "$.records[1].trace"),
        (one(resource="=cmd()"), "$.records[1].resource"),
        (one(action="a" * 201), "$.records[1].action"),
        ({"trace": "run-1"}, "$.records[1]"),
        (one(data={"note": "x" * 65_500}), "65536"),
    ],
)
async def test_one_bad_record_is_named_and_none_is_recorded(ingesting: Ingesting, bad: Any, place: str) -> None:
    status, answer, _ = await ingesting.post({"records": [one(), bad, one()]})
    assert status == 400
    assert place in answer["found"] or place == "65536"
    assert await ingesting.records() == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"records": [{"trace": "t", "action": "a", "data": {"x": "\\ud800"}}]}',
        b'{"records": [{"trace": "t", "action": "a", "data": ' + b'{"x":' * 5000 + b"1" + b"}" * 5000 + b"}]}",
        b'{"records": [{"trace": "t", "action": "a", "data": {"x": NaN}}]}',
        b'{"records": []}',
        b'{"records": [' + b",".join([b'{"trace": "t", "action": "a"}'] * 257) + b"]}",
        b"[]",
    ],
    ids=["lone surrogate", "deep", "NaN", "none", "257", "no object"],
)
async def test_what_has_no_canonical_form_is_refused(ingesting: Ingesting, body: bytes) -> None:
    status, answer, _ = await ingesting.post(body)
    assert status == 400, answer
    assert await ingesting.records() == []


async def test_odd_text_is_kept_as_it_is(ingesting: Ingesting) -> None:
    odd = {"note": "\u0000\u2028\U0001f600", "deep": nested(30)}
    status, _, _ = await ingesting.post({"records": [one(data=odd)]})
    assert status == 201
    assert "\u2028\U0001f600" in bytes((await ingesting.records())[0].data).decode()


async def test_a_full_queue_answers_503_and_takes_no_part_of_a_call(ingesting: Ingesting) -> None:
    await ingesting.post({"records": [one(request_id="first")]})
    calls = [ingesting.post({"records": [one(request_id=f"c{n}")] * 256}) for n in range(4)]
    answers = await asyncio.gather(*calls)
    taken = [f"c{n}" for n, (status, _, _) in enumerate(answers) if status == 201]
    refused = [(answer["code"], headers["Retry-After"]) for status, answer, headers in answers if status == 503]
    assert taken
    assert len(taken) + len(refused) == 4
    assert set(refused) <= {("audit.full", "1")}
    found = [record.request_id for record in await ingesting.records()]
    assert sorted(found) == sorted(["first", *(name for name in taken for _ in range(256))])


async def test_a_full_queue_is_told_from_a_failing_log(ingesting: Ingesting) -> None:
    waiting = asyncio.ensure_future(ingesting.appender.append("acme", []))
    with pytest.raises(ValueError, match="at least one"):
        await waiting
    ingesting.appender._records = 300
    status, answer, headers = await ingesting.post({"records": [one()]})
    assert (status, answer["code"], headers["Retry-After"]) == (503, "audit.full", "1")
    ingesting.appender._records = 0
    await ingesting.post({"records": [one()]})
    await ingesting.database.write(lambda tx: tx.run(text("DELETE FROM log_heads")))
    status, answer, headers = await ingesting.post({"records": [one()]})
    assert (status, answer["code"], headers["Retry-After"]) == (503, "database.unavailable", "2")
    assert len(await ingesting.records()) == 1
    alarms = ingesting.metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "log"})
    assert alarms


async def test_only_who_may_append_does(ingesting: Ingesting) -> None:
    assert (await ingesting.post({"records": [one()]}, "reader"))[0] == 403
    assert (await ingesting.post({"records": [one()]}, "nobody"))[0] == 401
    assert await ingesting.records() == []


async def test_a_log_with_records_from_outside_verifies(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    import tests.audit.made as made

    url = f"sqlite:///{tmp_path}/countersign.db"
    sequencer = LogSequencer([made.KEY])
    async with opened(url, sequencer) as database:
        ingesting = Ingesting(database, sequencer, aiohttp_client)
        for n in range(3):
            await ingesting.post({"records": [one(trace=f"run-{n}"), one()]})
    report = await verified(url)
    assert report.findings == ()
    assert report.records == 6
