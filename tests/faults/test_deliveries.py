"""Bad deliveries over real HTTP: refused with a reason, or stored once; answered 2xx means stored."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from sqlalchemy import text

from app.sandbox.world import REPOSITORY, SECRET, World
from app.service import Service
from tests.faults.running import running, staged, until

LIMIT = 26 * 1024 * 1024
BODY = json.dumps({"action": "opened", "number": 1, "zen": "Keep it logically awesome."}).encode()


class Sent(NamedTuple):
    """A request as somebody sends it; ``None`` leaves a header out."""

    body: bytes = BODY
    signature: str | None = ""
    event: str | None = "ping"
    guid: str | None = "b7a0c2c0-0000-11ee-8000-000000000001"
    kind: str = "application/json"

    def headers(self) -> dict[str, str]:
        signature = f"sha256={signed(self.body)}" if self.signature == "" else self.signature
        found = {
            "X-Hub-Signature-256": signature, "X-GitHub-Event": self.event, "X-GitHub-Delivery": self.guid,
            "Content-Type": self.kind,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


def signed(body: bytes, secret: str = SECRET, how: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, how).hexdigest()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    world = World(tmp_path)
    yield await world.start()
    await world.stop()


async def stored(service: Service) -> int:
    rows = await service.database.read(lambda tx: tx.all(text("SELECT id FROM deliveries")))
    return len(rows)


REFUSED = {
    "unsigned": Sent(signature=None),
    "signed with another secret": Sent(signature=f"sha256={signed(BODY, 'not the secret')}"),
    "signed for another body": Sent(signature=f"sha256={signed(BODY + b' ')}"),
    "signed with SHA-1": Sent(signature=f"sha1={signed(BODY, how='sha1')}"),
    "SHA-1 under the name of SHA-256": Sent(signature=f"sha256={signed(BODY, how='sha1')}"),
    "half a signature": Sent(signature=f"sha256={signed(BODY)[:32]}"),
    "an empty signature": Sent(signature="sha256="),
    "in upper case": Sent(signature=f"sha256={signed(BODY).upper()}"),
    "not JSON": Sent(body=b"hello"),
    "truncated JSON": Sent(body=BODY[:-9]),
    "a list": Sent(body=b"[]"),
    "a form": Sent(body=b"payload=%7B%7D", kind="application/x-www-form-urlencoded"),
    "without an event": Sent(event=None),
    "without an id": Sent(guid=None),
    "empty": Sent(body=b""),
    "nested beyond reason": Sent(body=b'{"a":' * 5000 + b"1" + b"}" * 5000),
    "larger than GitHub sends": Sent(body=b'{"a":"' + b"x" * LIMIT + b'"}'),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_a_bad_delivery_is_refused_with_a_reason_and_not_stored(service: Service, name: str) -> None:
    before = await stored(service)
    sent = REFUSED[name]
    async with aiohttp.ClientSession() as session:
        url = f"{service.address}/webhooks/github"
        async with session.post(url, data=io.BytesIO(sent.body), headers=sent.headers()) as answer:
            problem = await answer.json(content_type="application/problem+json")
    assert 400 <= answer.status < 500
    assert problem["code"]
    assert problem["found"]
    assert await stored(service) == before


async def test_a_body_that_breaks_off_is_not_stored_and_the_next_one_is(service: Service) -> None:
    host, port = service.address.removeprefix("http://").split(":")
    before = await stored(service)
    _, writer = await asyncio.open_connection(host, int(port))
    head = "\r\n".join(f"{name}: {value}" for name, value in Sent().headers().items())
    writer.write(f"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n{head}\r\nContent-Length: 500\r\n\r\n".encode() + BODY)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await deliver(service, Sent()) == 202
    assert await stored(service) == before + 1


async def test_a_replay_is_answered_and_not_stored_twice_whatever_its_unsigned_headers_say(service: Service) -> None:
    before = await stored(service)
    assert [await deliver(service, Sent()) for _ in range(3)] == [202, 202, 202]
    assert await deliver(service, Sent(guid="b7a0c2c0-0000-11ee-8000-00000000000f")) == 202
    assert await stored(service) == before + 1


async def test_a_replay_under_another_event_causes_nothing(service: Service) -> None:
    """The event's name is not signed: a body that cannot be of that event is kept and ignored."""
    assert await deliver(service, Sent(event="pull_request_review")) in (202, 400)
    rows = await service.database.read(
        lambda tx: tx.all(text("SELECT status FROM deliveries WHERE event = 'pull_request_review'"))
    )
    assert {row.status for row in rows} <= {"ignored"}


async def deliver(service: Service, sent: Sent) -> int:
    async with aiohttp.ClientSession() as session:
        url = f"{service.address}/webhooks/github"
        async with session.post(url, data=sent.body, headers=sent.headers()) as answer:
            return answer.status


async def test_of_a_burst_nothing_that_was_answered_is_lost_in_a_kill(tmp_path: Path) -> None:
    bodies = [json.dumps({"zen": f"{number}", "fill": "x" * 9_000}).encode() for number in range(2_000)]
    async with staged(tmp_path) as stage, running(stage) as child:
        await child.ready.wait()
        answered: list[str] = []

        async def one(session: aiohttp.ClientSession, body: bytes) -> None:
            sent = Sent(body=body, guid=hashlib.md5(body).hexdigest())
            try:
                url = f"{stage.address}/webhooks/github"
                async with session.post(url, data=body, headers=sent.headers()) as answer:
                    if answer.status == 202:
                        answered.append(hashlib.sha256(body).hexdigest())
                        if len(answered) == 700:
                            child.kill()
            except aiohttp.ClientError:
                return

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
            await asyncio.gather(*(one(session, body) for body in bodies))
        await until(lambda: child.deaths and child.ready.is_set(), "the restart")
        kept = {str(digest) for (digest,) in await stage.rows("SELECT digest FROM deliveries")}
    assert 700 <= len(answered) < len(bodies)
    assert set(answered) <= kept


async def test_a_full_disk_takes_nothing_answers_so_and_passes(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, running(stage) as child:
        await child.ready.wait()
        child.signal(signal.SIGUSR1)
        github = stage.github
        github.push(REPOSITORY, "release-3.2.0", stage.world.release_files(), author="alice")
        pull = github.open_pull(REPOSITORY, "release-3.2.0", author="alice")
        await github.settle()
        codes = {delivery.status_code for delivery in github.deliveries.log if delivery.event == "pull_request"}
        assert codes == {503}
        assert github.checks(REPOSITORY, pull.head_sha) == []
        child.signal(signal.SIGUSR2)
        for delivery in list(github.deliveries.log):
            github.deliveries.redeliver(delivery)
        await until(lambda: github.checks(REPOSITORY, pull.head_sha), "a check once there is space")
        assert github.checks(REPOSITORY, pull.head_sha)[-1].conclusion != "success"
        assert child.deaths == 0
