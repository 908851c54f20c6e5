"""Erasure: by two, not while something stands against it, and then for good, while every proof still holds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from app.audit import store as audit
from app.db.tx import Tx
from app.privacy import erasing, keys
from app.privacy import findings as sealed
from app.privacy.errors import PrivacyError
from app.privacy.model import ErasureData
from app.privacy.obstacles import obstacles
from app.privacy.replay import replay_erasures
from app.privacy.words import expect_reason
from app.verification.verify import verify
from tests.privacy.world import AT, LOG, LOG_KEY, World, later, world

REASON = "they left and asked for it"


async def erased(at: World, named: str = "ada") -> None:
    asked = await at.erasures.request(LOG, named, REASON, "token:one")
    await at.erasures.confirm(LOG, asked.id, "token:two")


async def logins(at: World) -> dict[str, str]:
    rows = await at.database.read(lambda tx: tx.all(text("SELECT account, login FROM accounts")))
    return {row.account: row.login for row in rows}


async def test_erasure_destroys_the_key_and_the_login_and_is_a_record(database_url: str) -> None:
    async with world(database_url) as at:
        ada, bob = await at.person(1, "ada"), await at.person(2, "bob")
        seen = (await at.records("person.seen"))[0]
        assert await at.database.read(lambda tx: at.sealer.record(tx, seen)) == {"login": "ada"}
        assert b"ada" not in bytes(seen.data)
        await erased(at)
        assert await logins(at) == {"github:1": "", "github:2": "bob"}
        assert await at.database.read(lambda tx: at.sealer.record(tx, seen)) == {"login": None}
        (done,) = await at.records("subject.erased")
        assert (done.actor_ref, done.outcome, done.trace_id) == ("token:two", "erased", f"person-{ada}")
        assert seen.sealed[0].key in bytes(done.data).decode()
        others = (await at.records("person.seen"))[1]
        assert await at.database.read(lambda tx: at.sealer.record(tx, others)) == {"login": "bob"}
        (told,) = await at.erasures.all(LOG)
        assert (told.state, told.subject, told.reason) == ("erased", ada, None)
        assert (told.requested_by, told.settled_by) == ("token:one", "token:two")
        assert bob != ada
    report = await asyncio.to_thread(verify, database_url, [LOG_KEY.public], clock=lambda: AT, thorough=True)
    assert report.ok, report.findings


async def test_nobody_confirms_what_they_asked_for(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        asked = await at.erasures.request(LOG, "github:1", REASON, "token:one")
        with pytest.raises(PrivacyError) as error:
            await at.erasures.confirm(LOG, asked.id, "token:one")
        assert error.value.code == "erasure.second_person"
        assert await logins(at) == {"github:1": "ada"}
        with pytest.raises(PrivacyError) as error:
            await at.erasures.request(LOG, "ada", REASON, "token:two")
        assert error.value.code == "erasure.requested"


@pytest.mark.parametrize(("state", "days", "code"), [("open", 9_999, "release.open"), ("merged", 2556, "release.kept")])
async def test_who_asked_for_a_release_stays_known_until_its_retention_ends(
    database_url: str, state: str, days: int, code: str
) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        await at.release(1, "github:1", state=state)
        at.now = later(days)
        with pytest.raises(PrivacyError, match="intraday 3") as error:
            await at.erasures.request(LOG, "ada", REASON, "token:one")
        assert error.value.code == "erasure.refused"
        (declined,) = await at.records("subject.erasure_declined")
        assert bytes(declined.data) == b'{"erasure":"%s","obstacles":["%s"],"subject":"%s"}' % (
            declined.resource.partition("/")[2].encode(), code.encode(), ada.encode(),
        )  # fmt: skip
        assert await at.database.read(lambda tx: at.sealer.record(tx, declined)) == {"reason": REASON}


async def test_after_its_retention_a_requester_can_be_erased_with_the_titles_they_gave(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        await at.release(1, "github:1")
        at.now = later(2558)
        await erased(at)
        row = await at.database.read(lambda tx: tx.first(text("SELECT title, author FROM pulls")))
        assert row is not None
        assert (row.title, row.author) == ("", "github:1")


async def test_an_approver_stays_known(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        await at.release(1, "github:9")
        await at.run(
            "INSERT INTO grants (id, tenant, release_id, repository_id, number, path, decision, person, object,"
            " statement, consent_json, nonce, signer, issued_at) VALUES ('g', :log, 'release-1', 1, 1, '', 'approve',"
            " :person, '', '', '{}', 'n', '', 0)",
            log=LOG, person=ada,
        )  # fmt: skip
        with pytest.raises(PrivacyError, match="approved or rejected intraday"):
            await at.erasures.request(LOG, "ada", REASON, "token:one")


async def test_whoever_would_be_learnt_again_is_not_erased(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        await at.run(
            "INSERT INTO memberships (tenant, source, account, since, granted_by, until)"
            " VALUES (:log, 'github-team:5', 'github:1', 0, '', NULL)", log=LOG,
        )  # fmt: skip
        with pytest.raises(PrivacyError, match="github-team:5"):
            await at.erasures.request(LOG, "ada", REASON, "token:one")


async def test_what_comes_to_stand_against_it_before_it_is_confirmed_counts(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        asked = await at.erasures.request(LOG, "ada", REASON, "token:one")
        await at.holds.place(LOG, "ada", "a court asks", "token:three")
        with pytest.raises(PrivacyError, match="legal hold"):
            await at.erasures.confirm(LOG, asked.id, "token:two")
        assert (await at.erasures.all(LOG))[0].state == "declined"
        assert await logins(at) == {"github:1": "ada"}
        with pytest.raises(PrivacyError) as error:
            await at.erasures.confirm(LOG, asked.id, "token:two")
        assert error.value.code == "erasure.settled"


async def test_an_account_that_becomes_somebodys_is_not_erased_apart_from_them(database_url: str) -> None:
    async with world(database_url) as at:
        await at.database.write(lambda tx: at.keys.current(tx, LOG, "github:9"))
        asked = await at.erasures.request(LOG, "github:9", REASON, "token:one")
        nina = await at.person(9, "nina")
        await at.release(1, "github:9")
        with pytest.raises(PrivacyError, match=f"the person {nina}.* asked for intraday 3"):
            await at.erasures.confirm(LOG, asked.id, "token:two")
        assert (await at.erasures.all(LOG))[0].state == "declined"


async def test_an_approver_without_an_account_left_stays_known(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        await at.release(1, "github:9")
        await at.run(
            "INSERT INTO grants (id, tenant, release_id, repository_id, number, path, decision, person, object,"
            " statement, consent_json, nonce, signer, issued_at) VALUES ('g', :log, 'release-1', 1, 1, '', 'approve',"
            " :person, '', '', '{}', 'n', '', 0)",
            log=LOG, person=ada,
        )  # fmt: skip
        await at.run("UPDATE accounts SET person = 'another'")
        with pytest.raises(PrivacyError, match="approved or rejected intraday"):
            await at.erasures.request(LOG, ada, REASON, "token:one")


async def test_a_request_that_only_a_row_tells_of_is_not_confirmed(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        told = f'{{"box":"","commitment":"{0:064}","field":"text","key":"none"}}'
        await at.run(
            "INSERT INTO erasures (id, state, tenant, person, reason, by, at)"
            " VALUES ('forged', 'requested', :log, :ada, :reason, 'token:one', 1)",
            log=LOG, ada=ada, reason=told,
        )  # fmt: skip
        with pytest.raises(PrivacyError) as error:
            await at.erasures.confirm(LOG, "forged", "token:two")
        assert error.value.code == "erasure.not_recorded"
        assert await logins(at) == {"github:1": "ada"}


@pytest.mark.parametrize("named", ["tenant", "retention"])
async def test_reasons_about_everything_are_nobodys_to_erase(database_url: str, named: str) -> None:
    async with world(database_url) as at:
        await at.database.write(lambda tx: at.keys.current(tx, LOG, named))
        with pytest.raises(PrivacyError) as error:
            await at.erasures.request(LOG, named, REASON, "token:one")
        assert error.value.code == "privacy.subject_unclear"


async def test_a_hold_that_comes_while_somebody_is_erased_waits_for_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replicas: what stands against an erasure was looked at, and the key is not destroyed yet."""
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(tx: Tx, *given: Any) -> Any:
        found = obstacles(tx, *given)
        loop.call_soon(looked.set)
        tx.run(text("SELECT pg_sleep(0.2)"))
        return found

    async with world(postgres_url) as at:
        await at.person(1, "ada")
        asked = await at.erasures.request(LOG, "ada", REASON, "token:one")
        monkeypatch.setattr(erasing, "obstacles", slowly)
        erasure = asyncio.create_task(at.erasures.confirm(LOG, asked.id, "token:two"))
        await looked.wait()
        placed = await at.holds.place(LOG, "github:1", "a court asks", "token:three")
        assert (await erasure).state == "erased"
        (done,) = await at.records("subject.erased")
        (held,) = await at.records("hold.placed")
        assert held.resource == f"hold/{placed.id}"
        assert done.seq < held.seq


async def test_a_request_can_be_declined(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        asked = await at.erasures.request(LOG, "ada", REASON, "token:one")
        assert (await at.erasures.decline(LOG, asked.id, "token:one")).state == "declined"
        (declined,) = await at.records("subject.erasure_declined")
        assert bytes(declined.data) == bytes(
            b'{"erasure":"%s","subject":"%s"}' % (asked.id.encode(), asked.subject.encode())
        )
        assert ErasureData(asked.id, asked.subject).obstacles == ()


@pytest.mark.parametrize(
    ("named", "code", "status"),
    [("nobody", "privacy.subject_unclear", 404), ("", "privacy.subject_unclear", 404), ("ada", "x", 0)],
)
async def test_it_must_be_clear_who_is_meant(database_url: str, named: str, code: str, status: int) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        await at.person(2, "ada" if status == 0 else "bob")
        with pytest.raises(PrivacyError) as error:
            await at.erasures.request(LOG, named, REASON, "token:one")
        assert error.value.code == (code if status else "privacy.subject_unclear")
        assert error.value.status == (status or 409)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001, "bell\a"])
def test_a_reason_must_be_given(reason: str) -> None:
    with pytest.raises(PrivacyError) as error:
        expect_reason(reason)
    assert error.value.code == "privacy.reason"


async def test_who_comes_back_gets_a_new_key_and_stays_the_same_person(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        await erased(at)
        assert await at.person(1, "ada-again") == ada
        seen = (await at.records("person.seen"))[-1]
        assert await at.database.read(lambda tx: at.sealer.record(tx, seen)) == {"login": "ada-again"}


async def test_a_lost_key_without_an_erasure_is_found(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        await at.person(2, "bob")
        assert await at.database.read(lambda tx: sealed.findings(tx, LOG, at.keys)) == ()
        await erased(at, "bob")
        assert await at.database.read(lambda tx: sealed.findings(tx, LOG, at.keys)) == ()
        await at.run("UPDATE subject_keys SET wrapped = :none, destroyed_at = 1 WHERE destroyed_at = 0", none=b"")
        (found,) = await at.database.read(lambda tx: sealed.findings(tx, LOG, at.keys))
        assert (found.code, found.seq, found.kind) == ("audit.sealed_unreadable", 0, "finding")
        await at.run("DELETE FROM subject_keys")
        assert [f.seq for f in await at.database.read(lambda tx: sealed.findings(tx, LOG))] == [0]
        assert await at.database.read(lambda tx: sealed.findings(tx, LOG, since=1)) == ()


async def test_a_swapped_key_is_found_where_the_sealing_key_is_at_hand(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        (seen,) = await at.records("person.seen")
        key_id = seen.sealed[0].key
        other = await at.database.write(lambda tx: at.keys.current(tx, LOG, "other"))
        await at.run("DELETE FROM subject_keys WHERE id = :id", id=key_id)
        # As an operator with the sealing key would: a key of their own under the record's id.
        from manifests import sealing

        wrapped = await wrapped_as(at, other.key, sealing.context("subject-key", LOG, "other", key_id))
        await at.run("UPDATE subject_keys SET id = :id, wrapped = :wrapped", id=key_id, wrapped=wrapped)
        (found,) = await at.database.read(lambda tx: sealed.findings(tx, LOG, at.keys))
        assert (found.code, found.seq) == ("audit.sealed_key_differs", 0)


async def wrapped_as(at: World, key: bytes, context: bytes) -> bytes:
    from tests.privacy.world import SEAL_KEYS

    return SEAL_KEYS.wrap(key, context)


async def test_a_restored_database_forgets_again_what_was_erased(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        before = await at.database.read(lambda tx: tx.all(text("SELECT * FROM subject_keys")))
        await erased(at)
        records = await at.records()
        seen = records[0]
        # The backup that is restored was taken before the erasure: the key and the login are back.
        await at.run("UPDATE subject_keys SET wrapped = :old, destroyed_at = 0", old=bytes(before[0].wrapped))
        await at.run("UPDATE accounts SET login = 'ada'")
        for _ in range(2):
            assert await at.database.write(lambda tx: replay_erasures(tx, records)) == 1
            assert await logins(at) == {"github:1": ""}
            assert await at.database.read(lambda tx: at.sealer.record(tx, seen)) == {"login": None}
        assert await at.database.read(lambda tx: keys.ids_of(tx, LOG, ada)) == (seen.sealed[0].key,)
        assert (await at.database.read(lambda tx: audit.head(tx, LOG))).size == len(records)
