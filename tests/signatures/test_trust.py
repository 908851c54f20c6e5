"""What a signature proved stays provable: keys taken back, rows and bytes changed behind our back."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from app.consents.recording import Recorder
from app.consents.store import NewGrant
from app.db.tx import Tx
from app.people.key_service import KeyRegistry
from app.pulls import store as pulls
from app.pulls.observe import Said
from app.pulls.store import Observation
from app.sandbox.world import TENANT
from integrations.github.port import Account
from manifests import dsse, sshsig, statement
from manifests.times import to_rfc3339
from tests.signatures.signers import PersonKey
from tests.signatures.stage import Stage


async def allowed(stage: Stage) -> PersonKey:
    """carol's key, after bob's word and her signature have filled every seat."""
    key = await stage.enrolled("carol")
    stage.bob_approves()
    assert (await stage.approve(key)).status == 201
    await stage.until_outcome("allow")
    return key


async def test_a_compromised_key_takes_back_what_it_signed_since(stage: Stage) -> None:
    key = await allowed(stage)
    assert (await stage.revoke(key.fingerprint, reason="compromised")).status == 200
    await stage.until_outcome("wait")
    (grant,) = await stage.signed()
    assert grant.void_reason == "its key was compromised"
    assert f"grant/{stage.release}/{grant.id}" in await stage.resources("grant.voided")


async def test_what_was_revoked_while_it_was_being_signed_is_void(stage: Stage) -> None:
    """The comment was being judged, with what had been said by then, when the signature arrived."""
    await allowed(stage)
    release, (grant,) = await stage.stored(), await stage.signed()
    number = int(grant.consent.account.partition(":")[2])
    said = Said(grant.consent.issued_at + 1, Account(number, "carol", "User"), number, body="/revoke")
    seen = Observation(
        "comment:1/comment.created/x", "comment.created", "comment:1", grant.consent.account, said.at, "x",
        msgspec.json.encode(said).decode(),
    )  # fmt: skip
    write = stage.service.database.write
    await write(lambda tx: pulls.add_observations(tx, release.repository_id, release.number, [seen]))
    await stage.judge_again()
    assert await stage.outcome() == "wait"
    assert (await stage.signed())[0].void_reason == "the person revoked it"


async def test_what_was_signed_before_the_compromise_stands(stage: Stage) -> None:
    key = await allowed(stage)
    await asyncio.sleep(0.001)
    since = to_rfc3339(stage.world.clock())
    assert (await stage.revoke(key.fingerprint, reason="compromised", since=since)).status == 200
    assert (await stage.signed())[0].void_reason is None
    assert (await stage.prepare(key)).code == "key.revoked"
    await stage.judge_again()
    assert await stage.outcome() == "allow"


async def test_a_superseded_key_leaves_what_it_signed(stage: Stage) -> None:
    key = await allowed(stage)
    payload = await stage.payload(key)
    assert (await stage.revoke(key.fingerprint, reason="superseded")).status == 200
    assert (await stage.submit(payload, key.sign(payload))).code == "key.revoked"
    await stage.judge_again()
    assert await stage.outcome() == "allow"


async def test_the_log_voids_what_a_compromised_key_signed_even_where_no_void_was_written(stage: Stage) -> None:
    """As after a restored backup: the decision asks the key itself."""
    key = await allowed(stage)
    service = stage.service
    silent = KeyRegistry(service.database, stage.world.clock, servers=(), on_revoked=lambda *_: None)
    await silent.revoke(TENANT, key.fingerprint, "token:x", "compromised", None)
    await stage.judge_again()
    assert await stage.outcome() == "wait"
    assert (await stage.signed())[0].void_reason is None
    await stage.until_text("its key was compromised")


ROWS = {
    "decision": lambda row: row | {"decision": "hold"},
    "strength": lambda row: row | {"strength": "passkey"},
    "environments": lambda row: row | {"environments": ["production", "staging"]},
    "person": lambda row: row | {"person": "0" * 32},
    "revision": lambda row: row | {"revision": "0" * 64},
    "not_after": lambda row: row | {"not_after": row["not_after"] + 1},
}


@pytest.mark.parametrize("name", ROWS)
async def test_an_altered_grant_denies(stage: Stage, name: str) -> None:
    await allowed(stage)
    (grant,) = await stage.signed()
    row = json.loads(grant.consent_json)
    altered = json.dumps(ROWS[name](row), separators=(",", ":"), sort_keys=True)
    stage.alter("grants", "UPDATE grants SET consent_json = ? WHERE id = ?", altered, grant.id)
    await stage.judge_again()
    assert await stage.outcome() == "deny"
    await stage.until_text("is not what its record says")


async def test_an_altered_statement_denies(stage: Stage) -> None:
    await allowed(stage)
    (grant,) = await stage.signed()
    blobs = stage.service.blobs
    body = await stage.service.database.read(lambda tx: blobs.get(tx, grant.statement))
    altered = body.replace(b'"sig":"L', b'"sig":"M', 1)
    assert altered != body
    stage.alter("blobs", "UPDATE blobs SET body = ? WHERE digest = ?", altered, grant.statement)
    await stage.judge_again()
    assert await stage.outcome() == "deny"
    await stage.until_text("does not verify")


async def test_a_statement_that_is_gone_denies(stage: Stage) -> None:
    await allowed(stage)
    (grant,) = await stage.signed()
    stage.alter("blobs", "DELETE FROM blobs WHERE digest = ?", grant.statement)
    await stage.judge_again()
    assert await stage.outcome() == "deny"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE person_keys SET person = 'somebody' WHERE step = 1",
        "UPDATE person_keys SET usable_at = 0 WHERE step = 1",
        "DELETE FROM person_keys WHERE step = 1",
    ],
)
async def test_a_key_whose_rows_were_altered_is_worth_nothing(stage: Stage, sql: str) -> None:
    key = await allowed(stage)
    stage.alter("person_keys", sql)
    assert (await stage.prepare(key)).code == "key.altered"
    assert (await stage.revoke(key.fingerprint, reason="compromised")).code == "key.altered"
    await stage.judge_again()
    assert await stage.outcome() == "deny"
    await stage.until_text("cannot be relied on")


async def test_a_grant_that_nobody_signed_denies_though_the_log_has_it(stage: Stage) -> None:
    """Whoever can write to the log with the server's key still cannot speak for a person."""
    await allowed(stage)
    (grant,) = await stage.signed()
    service = stage.service
    dana = await stage.enrolled("dana")
    body = await service.database.read(lambda tx: service.blobs.get(tx, grant.statement))
    signed = statement.parse(dsse.parse(body).payload)
    predicate = msgspec.structs.replace(signed.predicate, key=dana.fingerprint, nonce="f" * 32)
    payload = statement.build(signed.artifacts, predicate)
    armored = sshsig.sign(service.keys.gate, statement.signed_message(payload))
    signature = dsse.Signature(dana.fingerprint, armored.encode())
    forged = dsse.encode(dsse.Envelope(dsse.IN_TOTO, payload, (signature,)))
    consent = msgspec.structs.replace(grant.consent, id="f" * 32)
    new = NewGrant(stage.release, consent, f"statement:{'f' * 32}", "f" * 32, forged, b"[]", dana.fingerprint)
    trace_id = (await stage.stored()).trace_id

    def unit(tx: Tx) -> None:
        Recorder(tx, TENANT, service.blobs, stage.world.clock()).grant(trace_id, new)

    await service.database.write(unit)
    await stage.judge_again()
    assert await stage.outcome() == "deny"
    await stage.until_text("does not verify")
