"""The whole way over HTTP: a seat that asks for a personal signature is filled by one, and by nothing less."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from app.consents import store as consents
from app.sandbox import documents
from app.sandbox.world import REPOSITORY, TENANT
from app.tokens.model import Permission
from manifests import dsse
from tests.signatures import signers
from tests.signatures.stage import Stage


async def test_only_a_personal_signature_fills_a_personal_seat(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    stage.bob_approves()
    stage.say("carol", f"/approve {stage.pull.head_sha} production")
    await stage.until_text("this seat asks for personal")
    assert await stage.outcome() == "wait"
    await stage.next_second()
    answer = await stage.approve(key)
    assert (answer.status, answer.body["outcome"], answer.body["missing"]) == (201, "allow", [])
    grant = answer.body["grant"]
    assert (grant["strength"], grant["environments"], grant["groups"]) == (
        "personal",
        ["production"],
        ["risk-managers"],
    )
    await stage.until_outcome("allow")


async def test_the_gate_allows_what_was_signed_for(stage: Stage) -> None:
    key = await stage.enrolled("carol", kind="ecdsa")
    stage.bob_approves()
    assert (await stage.approve(key)).status == 201
    await stage.until_outcome("allow")
    merged = stage.world.github.merge_pull(REPOSITORY, stage.pull.number, by="bob", method="squash")
    digest = hashlib.sha256(stage.files[documents.MODEL]).hexdigest()
    question = {
        "environment": "production", "repository": REPOSITORY, "commit": merged.sha,
        "subjects": [{"name": "policy.json", "digest": {"sha256": digest}}],
    }  # fmt: skip
    stage.know("gate", await stage.world.token(Permission.GATE_DECIDE))

    async def allowed() -> bool:
        found = await stage.ask("POST", "/api/v1/decisions", question, "gate")
        return bool(found.body.get("decision") == "allow")

    await stage.until(allowed)


async def test_what_is_missing_is_said(stage: Stage) -> None:
    answer = await stage.approve(await stage.enrolled("carol"))
    assert answer.body["outcome"] == "wait"
    assert [(m["environment"], m["name"]) for m in answer.body["missing"]] == [("production", "approvals")]
    assert "senior-developers" in answer.body["missing"][0]["summary"]


async def test_a_statement_sent_again_is_the_same_grant(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    signature = key.sign(payload)
    sent = await asyncio.gather(*(stage.submit(payload, signature) for _ in range(4)))
    again = await stage.submit(payload, key.sign(payload))
    assert sorted(answer.status for answer in (*sent, again)) == [200, 200, 200, 200, 201]
    assert len({answer.body["grant"]["id"] for answer in (*sent, again)}) == 1
    assert [answer.body["repeated"] for answer in sent].count(False) == 1
    assert len(await stage.signed()) == 1


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
async def test_stock_ssh_keygen_accepts_what_is_stored(stage: Stage, kind: str, tmp_path: Path) -> None:
    key = await stage.enrolled("carol", kind=kind)
    text = (await stage.prepare(key)).body["display"]
    payload = await stage.payload(key)
    answer = await stage.submit(payload, key.sign(payload).replace("\n", "\r\n"))
    blobs = stage.service.blobs
    body = await stage.service.database.read(lambda tx: blobs.get(tx, answer.body["statement"]))
    envelope = dsse.parse(body)
    message = dsse.pae(envelope.payload_type, envelope.payload)
    assert envelope.payload == payload
    assert envelope.signatures[0].keyid == key.fingerprint
    assert signers.accepts(key, envelope.signatures[0].sig, message, tmp_path)
    assert not signers.accepts(key, envelope.signatures[0].sig, message + b" ", tmp_path)
    assert text.startswith("By signing you APPROVE")


async def test_one_person_with_two_keys_counts_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, risk_managers=2)
    try:
        await stage.start()
        stage.bob_approves()
        first, second = await stage.enrolled("carol", "one"), await stage.enrolled("carol", "two")
        assert (await stage.approve(first)).status == 201
        answer = await stage.approve(second)
        assert (answer.status, answer.body["outcome"]) == (201, "wait")
        assert len(await stage.signed()) == 2
        assert (await stage.approve(await stage.enrolled("dana"))).body["outcome"] == "allow"
    finally:
        await stage.world.stop()


async def test_a_signed_rejection_stops_and_a_later_approval_lifts_it(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    stage.bob_approves()
    assert (await stage.approve(key)).status == 201
    await stage.until_outcome("allow")
    payload = await stage.payload(key, "reject", reason="The drift is not explained.")
    answer = await stage.submit(payload, key.sign(payload), reason="The drift is not explained.")
    assert (answer.status, answer.body["outcome"]) == (201, "deny")
    await stage.until_outcome("deny")
    await stage.until_text("The drift is not explained.")
    assert (await stage.approve(key)).body["outcome"] == "allow"
    decisions = [(grant.consent.decision, grant.void_reason) for grant in await stage.signed()]
    assert set(decisions) == {
        ("approve", None),
        ("approve", "the person rejected the release since"),
        ("reject", "the same person approved since"),
    }  # fmt: skip


async def test_a_signed_hold_is_lifted_by_its_group_with_a_comment(stage: Stage) -> None:
    payload = await stage.payload(key := await stage.enrolled("carol"), "hold")
    assert (await stage.submit(payload, key.sign(payload))).body["outcome"] == "deny"
    await stage.until_outcome("deny")
    await stage.next_second()
    stage.say("dana", f"/unhold {stage.pull.head_sha}")
    await stage.until_outcome("wait")


async def test_what_was_signed_is_revoked_with_a_comment(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    stage.bob_approves()
    await stage.approve(key)
    await stage.until_outcome("allow")
    stage.say("carol", "/revoke")
    await stage.until_outcome("wait")


async def test_a_push_voids_what_was_signed(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    stage.bob_approves()
    await stage.approve(key)
    await stage.until_outcome("allow")
    stage.world.github.push(REPOSITORY, "release", {"README.md": b"# Other\n"}, author="alice")

    async def void() -> bool:
        return all(grant.void_reason for grant in await stage.grants())

    await stage.until(void)


async def test_a_token_for_another_repository_or_without_permission_is_refused(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    stage.know("other", await stage.scoped(repository="acme/other"))
    stage.know("staging", await stage.scoped(environments=("staging",)))
    payload = await stage.payload(key)
    body = stage.body(payload, key.sign(payload))
    path = (
        f"/api/v1/releases/{stage.release}/statement?key={key.fingerprint.replace('+', '%2B')}&environment=production"
    )
    for token, code in (("other", "auth.scope"), ("staging", "auth.scope"), ("first", "auth.permission")):
        for answer in (
            await stage.ask("GET", path, token=token),
            await stage.ask("POST", "/api/v1/statements", body, token),
        ):
            assert (answer.status, answer.code) == (403, code)
    assert not await stage.grants()


async def test_an_open_sandbox_asks_for_no_token(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    assert (await stage.ask("POST", "/api/v1/statements", stage.body(payload, key.sign(payload)), "")).status == 201


async def test_the_grant_is_a_projection_of_its_record(stage: Stage) -> None:
    answer = await stage.approve(await stage.enrolled("carol"))
    (grant,) = await stage.service.database.read(lambda tx: consents.of_releases(tx, TENANT, [stage.release]))
    assert grant.statement == answer.body["statement"]
    assert f"grant/{stage.release}/{grant.id}" in await stage.resources("grant.recorded")
