"""Deliveries are sealed once they are done, readable until their sender is erased, removed in time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from app.inbox import store as inbox
from app.inbox.store import StoredDelivery
from app.privacy import deliveries
from manifests.canonical import sha256_hex
from tests.privacy.world import AT, INSTALLED, LOG, World, later, world

DAYS = {LOG: 10, "system": 20}


def delivery(
    number: int, sender: int | None = 1, *, status: str = "done", at: int = AT, installed: int = INSTALLED
) -> StoredDelivery:
    body = msgspec.json.encode({"number": number, "text": "I, Ada", **({"sender": {"id": sender}} if sender else {})})
    return StoredDelivery(
        f"guid-{number}", "issue_comment", sha256_hex(body), body, at, installed, 1, "repository/1", status
    )


async def store(at: World, *deliveries: StoredDelivery) -> None:
    await at.database.write(lambda tx: inbox.insert(tx, deliveries))


async def rows(at: World) -> list[Any]:
    sql = text("SELECT guid, body, status, sealed_under FROM deliveries ORDER BY id")
    return list(await at.database.read(lambda tx: tx.all(sql)))


async def read(at: World, one: StoredDelivery) -> bytes | None:
    return await at.database.read(lambda tx: at.deliveries.body(tx, one.digest))


async def test_what_is_done_is_sealed_and_can_be_read_back(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        done, waiting, ignored = (
            delivery(1),
            delivery(2, status="new"),
            delivery(3, None, status="ignored", installed=9),
        )
        await store(at, done, waiting, ignored)
        assert await at.deliveries.seal() == 2
        assert await at.deliveries.seal() == 0
        found = await rows(at)
        assert [b"Ada" in bytes(row.body) for row in found] == [False, True, False]
        assert [await read(at, one) for one in (done, waiting, ignored)] == [done.body, waiting.body, ignored.body]


async def test_more_than_one_helping_is_sealed(database_url: str) -> None:
    async with world(database_url) as at:
        await store(at, *(delivery(number, number % 3 + 1) for number in range(450)))
        assert await at.deliveries.seal() == 450
        assert len({row.sealed_under for row in await rows(at)}) == 3


async def test_large_bodies_are_sealed_a_few_at_a_time(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "BYTES_AT_ONCE", 100)
    async with world(database_url) as at:
        one = delivery(1)
        assert len(one.body) * 2 < 100 < len(one.body) * 3
        await store(at, *(delivery(number) for number in range(1, 6)))
        assert [await at.database.write(at.deliveries._seal_some) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_delivery_that_is_sent_again_can_be_worked_on(database_url: str) -> None:
    async with world(database_url) as at:
        one = delivery(1)
        await store(at, one)
        await at.deliveries.seal()
        await store(at, msgspec.structs.replace(one, guid="guid-again", status="new"))
        (again,) = await at.database.read(lambda tx: inbox.unsettled(tx, "repository/1"))
        assert again.body == one.body
        assert await at.deliveries.seal() == 0


async def test_erasing_the_sender_takes_what_they_sent_also_what_was_not_sealed_yet(database_url: str) -> None:
    async with world(database_url) as at:
        mine, early, others = delivery(1), delivery(2), delivery(3, 2)
        # Sealed before anybody knew whose the account is, and after.
        await store(at, early)
        await at.deliveries.seal()
        await at.person(1, "ada")
        await store(at, mine, others)
        asked = await at.erasures.request(LOG, "ada", "they asked", "token:one")
        await at.erasures.confirm(LOG, asked.id, "token:two")
        assert [await read(at, one) for one in (mine, early, others)] == [None, None, others.body]


async def test_what_is_old_and_done_is_removed_by_its_tenants_days(database_url: str) -> None:
    async with world(database_url) as at:
        await store(
            at, delivery(1), delivery(2, status="new"), delivery(3, installed=9), delivery(4, at=later(5)),
        )  # fmt: skip
        at.now = later(10) - 60_000_000
        assert await at.deliveries.remove(DAYS) == 0
        at.now = later(11)
        assert await at.deliveries.remove(DAYS) == 1
        assert [row.guid for row in await rows(at)] == ["guid-2", "guid-3", "guid-4"]
        (applied,) = await at.records("retention.applied")
        assert bytes(applied.data) == b'{"kind":"deliveries","removed":1}'
        at.now = later(21)
        assert await at.deliveries.remove(DAYS) == 2
        assert [row.guid for row in await rows(at)] == ["guid-2"]


@pytest.mark.parametrize(("held", "left"), [("ada", ["guid-1"]), ("*", ["guid-1", "guid-2"])])
async def test_what_is_held_is_not_removed(database_url: str, held: str, left: list[str]) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        await store(at, delivery(1), delivery(2, 2))
        await at.deliveries.seal()
        await at.holds.place(LOG, held, "a court asks", "token:one")
        at.now = later(11)
        await at.deliveries.remove(DAYS)
        assert [row.guid for row in await rows(at)] == left
