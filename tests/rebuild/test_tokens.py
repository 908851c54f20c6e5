"""A token is what its records say; and two tokens that one holder may have made are not two people."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.people.errors import LinkError
from app.people.service import People
from app.tokens.distinct import distinct
from app.tokens.model import NewToken, Permission, Scope
from app.tokens.service import Tokens
from manifests.keys import PrivateKey
from tests.db.opened import opened

SCOPE = Scope((Permission.ADMIN,))
NOW = 1_800_000_000_000_000


class Offices:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.told: list[str] = []
        self.now = NOW
        self.tokens = Tokens(database, lambda: self.now, on_difference=self.told.extend)

    async def make(self, by: str) -> NewToken:
        return await self.tokens.create("acme", "steward", SCOPE, days=30, by=by)

    async def actor(self, by: str) -> str:
        return f"token:{(await self.make(by)).token.id}"

    async def distinct(self, one: str, other: str) -> str:
        return await self.database.read(lambda tx: distinct(tx, "acme", one, other))


@pytest.fixture
async def offices(database_url: str) -> AsyncIterator[Offices]:
    async with opened(database_url, LogSequencer([PrivateKey.generate("ed25519")])) as database:
        yield Offices(database)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE tokens SET digest = '{other}'",
        "UPDATE tokens SET scope_json = replace(scope_json, 'release.read', 'admin')",
        "UPDATE tokens SET expires_at = expires_at + 864000000000",
        "UPDATE tokens SET revoked_at = NULL",
        "UPDATE tokens SET created_at = created_at - 1",
        "UPDATE tokens SET tenant = 'globex'",
        "UPDATE tokens SET made_by = 'token:somebody'",
    ],
)
async def test_a_token_whose_row_was_altered_opens_nothing(offices: Offices, sql: str) -> None:
    scope = Scope((Permission.RELEASE_READ,))
    made = await offices.tokens.create("acme", "reader", scope, days=30, by="service:operator")
    text_ = made.text
    if "revoked_at" in sql:
        await offices.tokens.revoke("acme", made.token.id, by="service:operator")
    else:
        assert await offices.tokens.identify(text_) is not None
    if "{other}" in sql:
        text_ = f"cs_{made.token.id}_{'A' * 43}"
        import hashlib

        sql = sql.format(other=hashlib.sha256(text_.encode()).hexdigest())
    await offices.database.write(lambda tx: tx.run(text(sql)))
    offices.now += 60_000_000
    assert await offices.tokens.identify(text_) is None
    assert any("of tokens" in difference for difference in offices.told)


async def test_tokens_of_one_maker_are_not_two_people(offices: Offices) -> None:
    alice, bob = await offices.actor("service:operator"), await offices.actor("service:operator")
    puppet, twin = await offices.actor(alice), await offices.actor(alice)
    deeper = await offices.actor(puppet)
    assert await offices.distinct(alice, bob) == ""
    assert await offices.distinct(puppet, bob) == ""
    for one, other in ((alice, puppet), (puppet, alice), (puppet, twin), (deeper, twin), (alice, deeper), (bob, bob)):
        assert await offices.distinct(one, other), (one, other)
    assert "no record tells" in await offices.distinct(alice, "token:unknown")


async def test_who_made_a_token_is_asked_of_the_log(offices: Offices) -> None:
    alice = await offices.actor("service:operator")
    puppet = await offices.actor(alice)
    await offices.database.write(lambda tx: tx.run(text("UPDATE tokens SET made_by = 'operator'")))
    assert alice in await offices.distinct(alice, puppet)


async def test_a_link_is_not_confirmed_by_a_token_of_the_same_maker(offices: Offices) -> None:
    ids = iter(f"{number:032x}" for number in range(100))
    people = People("acme", offices.database, lambda: offices.now, lambda: next(ids))
    alice, bob = await offices.actor("service:operator"), await offices.actor("service:operator")
    puppet = await offices.actor(alice)
    link = await people.propose_link("servicenow:1", "erin", None, alice)
    with pytest.raises(LinkError, match="one person may hold both"):
        await people.confirm_link(link.id, puppet)
    await people.confirm_link(link.id, bob)
    assert set(await people.linked_persons()) == {"servicenow:1"}


async def test_a_link_that_is_gone_links_nobody_and_is_named(offices: Offices) -> None:
    ids = iter(f"{number:032x}" for number in range(100))
    people = People("acme", offices.database, lambda: offices.now, lambda: next(ids))
    alice, bob = await offices.actor("service:operator"), await offices.actor("service:operator")
    link = await people.propose_link("servicenow:1", "erin", None, alice)
    await people.confirm_link(link.id, bob)
    assert await people.linked_persons()

    def tampered(tx: object) -> None:
        from tests.rebuild.tampering import unguard

        unguard(tx, offices.database.dialect)  # type: ignore[arg-type]
        tx.run(text("DELETE FROM account_links WHERE state = 'linked'"))  # type: ignore[attr-defined]

    await offices.database.write(tampered)
    offices.now += 60_000_000
    assert await people.linked_persons() == {}
    assert await people.ever() == {"servicenow:1": frozenset({link.person})}, "exclusions use every link ever held"
    assert "account_links" in people.differences[0]
