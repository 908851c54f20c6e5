"""Whoever looks at what is sealed leaves a record; whoever asks what is kept about them gets all of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.privacy.cli import keep
from app.privacy.disclosing import Disclosure
from app.privacy.errors import PrivacyError
from tests.privacy.test_deliveries import delivery, store
from tests.privacy.world import LOG, World, world


def disclosure(at: World) -> Disclosure:
    return Disclosure(at.database, at.sealer, at.deliveries, at.clock)


async def test_unsealing_answers_the_fields_and_is_a_record(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        found = await disclosure(at).unseal(LOG, 0, "audit of 2026", "token:auditor")
        assert found.fields == {"login": "ada"}
        (record,) = await at.records("subject.disclosed")
        assert (record.actor_ref, record.resource, record.outcome) == ("token:auditor", "record/0", "unsealed")
        assert bytes(record.data) == b'{"fields":["login"],"record":0,"subjects":["%s"]}' % ada.encode()
        assert await at.database.read(lambda tx: at.sealer.record(tx, record)) == {"reason": "audit of 2026"}


@pytest.mark.parametrize(("seq", "code"), [(99, "audit.no_such_record"), (1, "audit.nothing_sealed")])
async def test_there_must_be_something_to_unseal(database_url: str, seq: int, code: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        asked = await at.erasures.request(LOG, "ada", "they asked", "token:one")
        await at.erasures.confirm(LOG, asked.id, "token:two")
        with pytest.raises(PrivacyError) as error:
            await disclosure(at).unseal(LOG, seq if seq > 9 else 2, "audit", "token:auditor")
        assert error.value.code == code
        assert await at.records("subject.disclosed") == ()


async def test_an_erased_field_is_told_to_be_gone(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        asked = await at.erasures.request(LOG, "ada", "they asked", "token:one")
        await at.erasures.confirm(LOG, asked.id, "token:two")
        assert (await disclosure(at).unseal(LOG, 0, "audit", "token:auditor")).fields == {"login": None}


def test_what_is_kept_of_somebody_is_for_its_owner_alone(tmp_path: Path) -> None:
    output = tmp_path / "ada.json"
    output.write_text("older and longer")
    output.chmod(0o644)
    keep(output, b"{}")
    assert (output.read_bytes(), output.stat().st_mode & 0o777) == (b"{}", 0o600)


async def test_an_account_is_not_told_of_one_that_begins_like_it(database_url: str) -> None:
    async with world(database_url) as at:
        await at.database.write(lambda tx: at.keys.current(tx, LOG, "github:1"))
        await at.person(12, "bob")
        found = await disclosure(at).export(LOG, "github:1", "they asked", "token:one")
        assert (found.person, found.records) == ("github:1", [])
        again = await disclosure(at).export(LOG, "github:1", "they asked again", "token:one")
        assert [one.record.event for one in again.records] == ["subject.disclosed"]


async def test_an_access_request_is_answered_with_everything_and_is_a_record(database_url: str) -> None:
    async with world(database_url) as at:
        ada, bob = await at.person(1, "ada"), await at.person(11, "bob")
        await at.release(1, "github:1")
        await at.release(2, "github:11")
        await store(at, delivery(1), delivery(2, 11))
        await at.deliveries.seal()
        found = await disclosure(at).export(LOG, "github:1", "they asked", "token:one")
        text = msgspec.json.encode(found).decode()
        told = msgspec.json.decode(text)
        assert told["person"] == ada
        assert [row["login"] for row in told["tables"]["accounts"]] == ["ada"]
        assert [row["id"] for row in told["tables"]["releases asked for"]] == ["release-1"]
        assert [row["title"] for row in told["tables"]["pull requests"]] == ["What Ada wants"]
        assert [one["body"]["number"] for one in told["deliveries"]] == [1]
        assert [one["unsealed"] for one in told["records"]] == [{"login": "ada"}]
        assert bob not in text
        assert "bob" not in text
        (record,) = await at.records("subject.disclosed")
        assert (record.outcome, record.resource) == ("exported", f"person/{ada}")
