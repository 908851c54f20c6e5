"""A signature counts for exactly what is so now, by exactly who may say it: whatever else is refused, by name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.sandbox.world import REPOSITORY
from manifests import statement
from manifests.attestation import FileDigest
from manifests.statement import Consent, ConsentPredicate
from tests.signatures import signers
from tests.signatures.signers import PersonKey
from tests.signatures.stage import Stage

HOUR = 3_600_000_000
OTHER = "e" * 64
FREE = {"nonce", "displayed"}
"""The signer's own: any nonce that was never used, and the digest of whatever they read."""
TERMS = {"delegation", "exception", "incident", "glass"}
"""What only one other decision has: altered in test_powers.py."""

ALTERED: tuple[tuple[str, Any, str], ...] = (
    ("tenant", "other", "statement.differs"),
    ("repository_id", 999, "release.unknown"),
    ("repository", "acme/other", "statement.differs"),
    ("pull_number", 999, "release.unknown"),
    ("base_ref", "release", "statement.differs"),
    ("head_commit", "e" * 40, "statement.differs"),
    ("head_tree", "e" * 40, "statement.differs"),
    ("manifest_path", "releases/other/release.yaml", "release.unknown"),
    ("revision", OTHER, "statement.differs"),
    ("effective_rule", OTHER, "statement.differs"),
    ("decision", "reject", "statement.differs"),
    ("decision", "revoke", "statement.differs"),
    ("environments", ("staging",), "statement.environment"),
    ("environments", ("production", "staging"), "statement.environment"),
    ("groups", ("senior-developers",), "statement.differs"),
    ("groups", ("risk-managers", "senior-developers"), "statement.differs"),
    ("person", "e" * 32, "statement.differs"),
    ("account", "github:1", "statement.differs"),
    ("key", "SHA256:" + "A" * 43, "key.not_enrolled"),
    ("memberships", OTHER, "statement.differs"),
    ("way", "passkey", "statement.differs"),
    ("reason_digest", OTHER, "statement.differs"),
    ("shown", (), "statement.differs"),
    ("shown", (OTHER,), "statement.differs"),
    ("not_after", lambda at: at + 1, "statement.differs"),
    ("not_after", lambda at: at - 1, "statement.differs"),
    ("issued_at", lambda at: at - HOUR, "statement.stale"),
    ("issued_at", lambda at: at + HOUR, "statement.future"),
    ("issued_at", lambda at: at - 1, "statement.differs"),
)


def resigned(payload: bytes, change: Callable[[Consent], bytes], key: PersonKey) -> tuple[bytes, str]:
    altered = change(statement.parse(payload))
    assert altered != payload
    return altered, key.sign(altered)


def field(name: str, value: Any) -> Callable[[Consent], bytes]:
    def change(consent: Consent) -> bytes:
        before = getattr(consent.predicate, name)
        after = value(before) if callable(value) else value
        return statement.build(consent.artifacts, msgspec.structs.replace(consent.predicate, **{name: after}))

    return change


def artifacts(*files: FileDigest) -> Callable[[Consent], bytes]:
    return lambda consent: statement.build(files or consent.artifacts, consent.predicate)


def test_the_table_alters_everything_that_is_bound() -> None:
    assert {name for name, _, _ in ALTERED} | FREE | TERMS == {
        field.name for field in msgspec.structs.fields(ConsentPredicate)
    }


async def test_anything_bound_that_differs_is_refused_though_its_signature_is_good(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    for name, value, code in ALTERED:
        answer = await stage.submit(*resigned(payload, field(name, value), key))
        assert (name, answer.code) == (name, code), answer.body
        assert answer.body["expected"]
        assert answer.body["found"]
        assert answer.body["remedy"]
    named = statement.parse(payload).artifacts[0]
    others = (FileDigest(named.name, OTHER),), (FileDigest("other", named.sha256),), (named, FileDigest("more", OTHER))
    for files in others:
        assert (await stage.submit(*resigned(payload, artifacts(*files), key))).code == "statement.differs"
    assert not await stage.grants()
    assert (await stage.submit(payload, key.sign(payload))).status == 201


async def test_only_the_key_that_the_statement_names_can_sign_it(stage: Stage) -> None:
    carols, danas = await stage.enrolled("carol"), await stage.enrolled("dana")
    payload = await stage.payload(carols)
    assert (await stage.submit(payload, danas.sign(payload))).code == "statement.key"
    stolen = field("key", danas.fingerprint)
    assert (await stage.submit(*resigned(payload, stolen, danas))).code == "statement.differs"
    assert not await stage.grants()


@pytest.mark.parametrize("namespace", ["git", "file", "consent@countersign.dev.example"])
async def test_a_signature_for_another_purpose_is_none(stage: Stage, namespace: str) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    assert (await stage.submit(payload, key.sign(payload, namespace))).code == "sshsig.namespace"
    assert (await stage.submit(payload, key.sign_bytes(payload))).code == "sshsig.invalid"


async def test_bytes_that_were_not_served_like_this_are_refused_before_anything_else(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    spaced = payload.replace(b'"predicate":', b'"predicate": ')
    twice = payload.replace(b'"_type":', b'"_type":"x","_type":', 1)
    for broken in (spaced, twice, b"", b"{}", payload[:-1], b"\xff"):
        answer = await stage.submit(broken, key.sign(broken))
        assert answer.status == 400, answer.body
    body = stage.body(payload, key.sign(payload))
    for broken_body in (
        body | {"payload": body["payload"][:-1] + "!"},
        body | {"signature": "not armored"},
        body | {"signature": body["signature"] + body["signature"]},
        body | {"strength": "passkey"},
        {"payload": body["payload"]},
    ):
        assert (await stage.ask("POST", "/api/v1/statements", broken_body)).status == 400
    assert not await stage.grants()


async def test_a_nonce_is_good_for_one_statement(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    assert (await stage.submit(payload, key.sign(payload))).status == 201
    again = await stage.submit(*resigned(payload, field("displayed", OTHER), key))
    assert (again.status, again.code) == (409, "statement.replayed")


async def test_a_void_grant_does_not_come_back_with_its_statement(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    signature = key.sign(payload)
    assert (await stage.submit(payload, signature)).status == 201
    stage.say("carol", "/revoke")

    async def void() -> bool:
        return (await stage.signed())[0].void_reason is not None

    await stage.until(void)
    again = await stage.submit(payload, signature)
    assert (again.status, again.body["grant"]["void"]) == (200, "the person revoked it")
    assert len(await stage.signed()) == 1


async def test_reason_and_display_must_be_those_that_were_signed(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    prepared = await stage.prepare(key, "hold", reason="Look at the drift first.")
    payload = base64.b64decode(prepared.body["payload"])
    signature = key.sign(payload)
    text = prepared.body["display"]
    for more in ({}, {"reason": "Fine."}, {"reason": "Look at the drift first.", "display": text + " "}):
        assert (await stage.submit(payload, signature, **more)).code == "statement.differs"
    answer = await stage.submit(payload, signature, reason="Look at the drift first.", display=text)
    assert answer.status == 201
    assert (await stage.signed())[0].consent.reason == "Look at the drift first."


async def test_who_is_in_no_group_that_is_asked_gets_nothing_to_sign(stage: Stage) -> None:
    stage.say("mallory", "/status")
    key = signers.make(stage.folder, "mallory")
    await stage.until(lambda: _proposed(stage, key))
    assert (await stage.confirm(key.fingerprint)).status == 200
    assert (await stage.prepare(key)).code == "statement.not_a_member"
    assert (await stage.prepare(key, "hold")).code == "statement.not_a_member"


async def _proposed(stage: Stage, key: PersonKey) -> bool:
    return (await stage.propose(key, "mallory")).status == 201


async def test_who_left_the_group_since_is_refused(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    stage.world.github.remove_team_member("acme", "risk", "carol", by="dana")

    async def gone() -> bool:
        return (await stage.prepare(key)).code == "statement.not_a_member"

    await stage.until(gone)
    assert (await stage.submit(payload, key.sign(payload))).code == "statement.not_a_member"


async def test_a_statement_for_another_head_is_refused(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    stage.world.github.push(REPOSITORY, "release", {"README.md": b"# Other\n"}, author="alice")

    async def moved() -> bool:
        return (await stage.stored()).head_sha != statement.parse(payload).predicate.head_commit

    await stage.until(moved)
    assert (await stage.submit(payload, key.sign(payload))).code == "statement.differs"


async def test_a_head_that_was_left_and_came_back_is_refused(stage: Stage) -> None:
    key, first = await stage.enrolled("carol"), stage.pull.head_sha
    payload = await stage.payload(key)
    github = stage.world.github
    github.push(REPOSITORY, "release", {"README.md": b"# Other\n"}, author="alice")
    github.force_push(REPOSITORY, "release", first, pusher="alice")

    async def back() -> bool:
        return (await stage.prepare(key)).code == "statement.head_left"

    await stage.until(back)
    assert (await stage.submit(payload, key.sign(payload))).code == "statement.head_left"


async def test_after_closing_and_reopening_consent_is_given_anew(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    stage.world.github.close_pull(REPOSITORY, stage.pull.number, by="alice")
    await stage.until(lambda: _refused(stage, key, "release.closed", "statement.pull_closed"))
    assert (await stage.submit(payload, key.sign(payload))).code in ("release.closed", "statement.pull_closed")
    stage.world.github.reopen_pull(REPOSITORY, stage.pull.number, by="alice")

    async def open_again() -> bool:
        return (await stage.stored()).state == "open"

    await stage.until(open_again)
    assert (await stage.submit(payload, key.sign(payload))).code == "statement.pull_closed"
    await stage.next_second()
    assert (await stage.approve(key)).status == 201


async def _refused(stage: Stage, key: PersonKey, *codes: str) -> bool:
    return (await stage.prepare(key)).code in codes


async def test_what_was_withdrawn_since_does_not_come_back(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    payload = await stage.payload(key)
    await stage.next_second()
    stage.say("carol", "/reject")
    await stage.until_outcome("deny")
    assert (await stage.submit(payload, key.sign(payload))).code == "statement.withdrawn"
    await stage.next_second()
    stage.bob_approves()
    assert (await stage.approve(key)).status == 201
    await stage.until_outcome("allow")


async def test_an_approval_names_its_environment(stage: Stage) -> None:
    key = await stage.enrolled("carol")
    assert (await stage.prepare(key, environment="staging")).code == "statement.environment"
    path = f"/api/v1/releases/{stage.release}/statement?key={key.fingerprint.replace('+', '%2B')}"
    assert (await stage.ask("GET", path)).code == "statement.environment"
    stage.release = "0" * 32
    unknown = await stage.prepare(key)
    assert (unknown.status, unknown.code) == (404, "release.unknown")
