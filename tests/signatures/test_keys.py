"""Whose key is whose: said by one, confirmed by another, usable a day later, for one person for ever."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from app.people import key_bearing
from app.sandbox.world import TENANT
from manifests.keys import SSH_ED25519
from manifests.ssh_wire import put_string
from tests.requirements import need
from tests.signatures import signers
from tests.signatures.signers import PersonKey
from tests.signatures.stage import Stage


def line(type_: str, *fields: bytes) -> str:
    blob = b"".join(map(put_string, (type_.encode(), *fields)))
    return f"{type_} {base64.b64encode(blob).decode()} somebody@acme"


async def test_a_key_is_proposed_confirmed_and_revoked_and_every_step_is_recorded(stage: Stage) -> None:
    key = signers.make(stage.folder, "carol")
    proposed = await stage.propose(key, "Carol")
    assert (proposed.status, proposed.body["state"], proposed.body["step"]) == (201, "proposed", 0)
    assert (await stage.prepare(key)).code == "key.not_enrolled"
    enrolled = await stage.confirm(key.fingerprint)
    assert (enrolled.status, enrolled.body["state"], enrolled.body["person"]) == (
        200,
        "enrolled",
        proposed.body["person"],
    )
    assert (await stage.prepare(key)).status == 200
    revoked = await stage.revoke(key.fingerprint, reason="superseded")
    assert (revoked.status, revoked.body["state"]) == (200, "revoked")
    assert (await stage.prepare(key)).code == "key.revoked"
    listed = (await stage.ask("GET", "/api/v1/people/keys", token="second")).body["keys"]
    assert [step["state"] for step in listed] == ["proposed", "enrolled", "revoked"]
    assert {step["fingerprint"] for step in listed} == {key.fingerprint}
    assert {step["public_key"] for step in listed} == {" ".join(key.line.split()[:2])}
    for event in ("key.proposed", "key.enrolled", "key.revoked"):
        assert await stage.resources(event) == [f"key/{key.fingerprint}"]


async def test_who_proposed_a_key_cannot_confirm_it(stage: Stage) -> None:
    key = signers.make(stage.folder, "carol")
    await stage.propose(key, "carol", "first")
    refused = await stage.confirm(key.fingerprint, "first")
    assert (refused.status, refused.code) == (409, "key.second_person")
    assert (await stage.prepare(key)).code == "key.not_enrolled"
    assert (await stage.confirm(key.fingerprint, "second")).status == 200
    assert (await stage.confirm(key.fingerprint, "second")).code == "key.settled"
    assert (await stage.confirm("SHA256:" + "A" * 43)).code == "key.unknown"


async def test_a_key_belongs_to_one_person_for_ever(stage: Stage) -> None:
    key = signers.make(stage.folder, "carol")
    assert (await stage.propose(key, "carol")).status == 201
    assert (await stage.propose(key, "dana", "second")).code == "key.known"
    await stage.confirm(key.fingerprint)
    assert (await stage.propose(key, "dana")).code == "key.known"
    await stage.revoke(key.fingerprint, reason="superseded")
    for login in ("carol", "dana"):
        assert (await stage.propose(key, login)).code == "key.known"


@pytest.mark.parametrize(("cooldown", "seconds"), [("24h", 86_400), ("6s", 6)])
async def test_a_key_is_used_only_after_it_cooled_down(tmp_path: Path, cooldown: str, seconds: int) -> None:
    stage = Stage(tmp_path, cooldown=cooldown)
    try:
        await stage.start()
        key = signers.make(stage.folder, "carol")
        await stage.propose(key, "carol")
        step = (await stage.confirm(key.fingerprint)).body
        assert step["usable_at"] - step["at"] == seconds * 1_000_000
        assert (await stage.prepare(key)).code == "key.cooling_down"
        if seconds < 60:
            await stage.until(lambda: _usable(stage, key))
            assert (await stage.approve(key)).status == 201
    finally:
        await stage.world.stop()


async def _usable(stage: Stage, key: PersonKey) -> bool:
    return (await stage.prepare(key)).status == 200


async def test_keys_that_no_person_may_sign_with_are_refused(stage: Stage, tmp_path: Path) -> None:
    keys = stage.service.keys
    rsa = tmp_path / "rsa"
    subprocess.run(
        [need("ssh-keygen"), "-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", str(rsa)], check=True, capture_output=True
    )
    point = keys.gate.public.raw()
    refused = {
        keys.gate.public.to_openssh(): "key.servers_own",
        keys.log.public.to_openssh(): "key.servers_own",
        rsa.with_suffix(".pub").read_text(): "key.unreadable",
        line(SSH_ED25519, b"\x01" + bytes(31)): "key.weak",
        line(SSH_ED25519, bytes(32)): "key.weak",
        line("ecdsa-sha2-nistp256", b"nistp256", b"\x04" + b"\x01" * 64): "key.weak",
        line("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", point, b"countersign.dev"): "key.application",
        "carol": "key.unreadable",
    }
    for public_key, code in refused.items():
        assert (await stage.propose(public_key, "carol")).code == code, public_key
    assert (await stage.ask("GET", "/api/v1/people/keys", token="first")).body["keys"] == []


async def test_security_keys_are_taken_as_openssh_makes_them(stage: Stage) -> None:
    point = stage.service.keys.gate.public.raw()
    public_key = line("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", point, b"ssh:")
    assert (await stage.propose(public_key, "carol")).status == 201


async def test_a_key_is_enrolled_for_a_known_human_only(stage: Stage) -> None:
    key = signers.make(stage.folder, "carol")
    assert (await stage.propose(key, "nobody")).code == "people.login_unclear"
    assert (await stage.propose(key, "github:1")).code == "people.account_unknown"
    assert (await stage.ask("GET", "/api/v1/people/keys")).code == "auth.permission"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "compromised", "since": "2999-01-01T00:00:00Z"}, "key.since"),
        ({"reason": "superseded", "since": "2020-01-01T00:00:00Z"}, "key.since"),
        ({"reason": "compromised", "since": "yesterday"}, "time.unreadable"),
        ({"reason": "tired"}, "request.invalid"),
    ],
)
async def test_a_revocation_that_makes_no_sense_is_refused(stage: Stage, body: dict[str, str], code: str) -> None:
    key = await stage.enrolled("carol")
    refused = await stage.revoke(key.fingerprint, **body)
    assert (refused.status, refused.code) == (400, code)


async def test_a_superseded_key_can_turn_out_to_have_been_compromised_ever_earlier(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    told = [
        {"reason": "superseded"},
        {"reason": "compromised", "since": "2026-01-02T00:00:00Z"},
        {"reason": "compromised", "since": "2026-01-01T00:00:00Z"},
        {"reason": "compromised"},
    ]
    for body in told:
        assert (await stage.revoke(key.fingerprint, **body)).status == 200
        again = await stage.revoke(key.fingerprint, **body)
        assert again.code == "key.settled"
    standing = await stage.service.database.read(lambda tx: key_bearing.standing(tx, TENANT, key.fingerprint))
    assert standing is not None
    assert standing.compromised_since == 0
    assert standing.superseded_at is not None


async def test_a_proposal_can_be_withdrawn_and_is_then_never_confirmed(stage: Stage) -> None:
    key = signers.make(stage.folder, "carol")
    await stage.propose(key, "carol")
    assert (await stage.revoke(key.fingerprint, reason="superseded")).status == 200
    assert (await stage.confirm(key.fingerprint)).code == "key.settled"
