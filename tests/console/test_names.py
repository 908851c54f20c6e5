"""Ids become names, in their own tenant only."""

from __future__ import annotations

import pytest

from app.console.names import Names
from app.db.tx import Tx
from app.people import store as people
from app.people.store import KnownAccount
from tests.console.opened import console

PERSON = "1" * 32


@pytest.mark.parametrize(
    ("reference", "tenant", "name"),
    [
        ("github:7", "acme", "alice"),
        ("servicenow:abc", "acme", "alice.now"),
        (PERSON, "acme", "alice"),
        ("service:countersign", "acme", "Countersign"),
        ("service:sandbox", "acme", "Sandbox"),
        ("github:8", "acme", "github:8"),
        ("token:unknown", "acme", "token:unknown"),
        ("", "acme", ""),
        ("github:7", "other", "github:7"),
        (PERSON, "other", PERSON),
    ],
)
async def test_who_an_id_is(database_url: str, reference: str, tenant: str, name: str) -> None:
    async with console(database_url) as opened:

        def unit(tx: Tx) -> None:
            people.add(tx, "acme", KnownAccount("servicenow:abc", "alice.now", "User", "2" * 32), 1)
            people.add(tx, "acme", KnownAccount("github:7", "alice", "User", PERSON), 1)
            people.reassign(tx, "acme", "servicenow:abc", PERSON)

        await opened.database.write(unit)
        assert await opened.database.read(lambda tx: Names(tx, tenant).of(reference)) == name


@pytest.mark.parametrize(("tenant", "named"), [("acme", True), ("other", False)])
async def test_a_token_is_called_by_its_name_in_its_tenant(database_url: str, tenant: str, named: bool) -> None:
    async with console(database_url) as opened:
        reference = f"token:{(await opened.token()).split('_')[1]}"
        found = await opened.database.read(lambda tx: Names(tx, tenant).of(reference))
        assert found == ("token “reader”" if named else reference)
