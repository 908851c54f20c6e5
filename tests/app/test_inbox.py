"""The inbox: what causes which work, what is stored, what is told again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import text

from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.inbox import service, store
from app.inbox.routing import work_key
from app.inbox.service import Inbox, InboxFullError
from app.inbox.store import StoredDelivery
from app.work import store as work
from integrations.github.webhook import Delivery
from tests.db.opened import opened


def stored(
    body: bytes = b"{}", guid: str = "one", key: str = "pull/1/2", event: str = "pull_request"
) -> StoredDelivery:
    return StoredDelivery(guid, event, body.hex(), body, 7, 3, 1, key)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as found:
        yield found


@pytest.mark.parametrize(
    ("event", "repository", "pull", "installation", "key"),
    [
        ("pull_request", 1, 2, 3, "pull/1/2"),
        ("pull_request_review", 1, 2, 3, "pull/1/2"),
        ("issue_comment", 1, 2, 3, "pull/1/2"),
        ("issue_comment", 1, None, 3, ""),
        ("push", 1, None, 3, "repository/1"),
        ("deployment_protection_rule", 1, None, 3, "repository/1"),
        ("merge_group", 1, None, 3, "repository/1"),
        ("membership", None, None, 3, "installation/3"),
        ("installation", None, None, None, ""),
        ("ping", None, None, 3, ""),
        ("star", 1, None, 3, ""),
    ],
)
def test_work_is_routed_by_what_a_delivery_is_about(
    event: str, repository: int | None, pull: int | None, installation: int | None, key: str
) -> None:
    delivery = msgspec.structs.replace(_DELIVERY, event=event, repository_id=repository, pull_number=pull)
    assert work_key(msgspec.structs.replace(delivery, installation_id=installation)) == key


_DELIVERY = Delivery(
    guid="g", event="ping", body_sha256="0" * 64, action=None, installation_id=None, repository_id=None,
    pull_number=None,
)  # fmt: skip


async def test_what_was_accepted_is_stored_with_its_work(database: Database) -> None:
    woken: list[int] = []
    inbox = Inbox(database, lambda: woken.append(1))
    await asyncio.gather(*(inbox.accept(stored(str(number).encode())) for number in range(40)))
    assert len(await database.read(lambda tx: store.unsettled(tx, "pull/1/2"))) == 40
    assert await database.read(lambda tx: work.count_due(tx, 7)) == 1
    assert woken


async def test_a_duplicate_is_not_stored_twice_and_marks_its_work_again(database: Database) -> None:
    inbox = Inbox(database, lambda: None)
    await inbox.accept(stored())
    await database.write(_settle_all)
    await inbox.accept(stored(guid="two"))
    assert await database.read(lambda tx: store.unsettled(tx, "pull/1/2")) == ()
    (lease,) = await database.write(lambda tx: work.claim(tx, 9, 99, 9))
    assert lease.marks == 2


@pytest.mark.parametrize(("guid", "told_again"), [("one", False), ("two", True)])
async def test_the_same_bytes_about_a_team_are_news_when_github_sends_them_anew(
    database: Database, guid: str, told_again: bool
) -> None:
    """Removed, added, removed again: the third delivery is the first, byte for byte. A redelivery keeps its guid."""
    inbox = Inbox(database, lambda: None)
    await inbox.accept(stored(key="installation/3", event="membership"))
    await database.write(_settle_all)
    await inbox.accept(stored(key="installation/3", event="membership", guid=guid))
    assert bool(await database.read(lambda tx: store.unsettled(tx, "installation/3"))) is told_again


async def test_the_oldest_word_that_was_not_heard_is_known(database: Database) -> None:
    inbox = Inbox(database, lambda: None)
    assert await database.read(lambda tx: store.unheard_since(tx, "pull/1/2")) is None
    for at, body in ((9, b"9"), (8, b"8")):
        await inbox.accept(msgspec.structs.replace(stored(body), received_at=at))
    assert await database.read(lambda tx: store.unheard_since(tx, "pull/1/2")) == 8
    await database.write(_settle_all)
    assert await database.read(lambda tx: store.unheard_since(tx, "pull/1/2")) is None


async def test_more_than_fits_in_memory_is_refused_before_it_is_taken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_PENDING_BYTES", 10)
    inbox = Inbox(database, lambda: None)
    with pytest.raises(InboxFullError):
        await inbox.accept(stored(b"x" * 11))
    await inbox.accept(stored(b"x" * 10))
    await inbox.accept(stored(b"y" * 10))


class Broken:
    """A database on a full disk."""

    dialect = "sqlite"

    async def write(self, unit: object) -> object:
        raise DatabaseUnavailableError("full")


async def test_everybody_waiting_hears_that_nothing_was_stored() -> None:
    inbox = Inbox(Broken(), lambda: None)  # type: ignore[arg-type]
    answers = await asyncio.gather(*(inbox.accept(stored(bytes([n]))) for n in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailableError] * 5


def _settle_all(tx: Tx) -> None:
    tx.run(text("UPDATE deliveries SET status = 'done'"))


async def test_what_was_ignored_is_heard_when_it_is_sent_again(database: Database) -> None:
    """GitHub sends it again under its own guid, once the tenant's policy lists the installation."""
    inbox = Inbox(database, lambda: None)
    await inbox.accept(stored())
    (first,) = await database.read(lambda tx: store.unsettled(tx, "pull/1/2"))
    await database.write(lambda tx: store.settle(tx, [first.id], "ignored", "no tenant"))
    await inbox.accept(stored())
    assert [found.id for found in await database.read(lambda tx: store.unsettled(tx, "pull/1/2"))] == [first.id]
