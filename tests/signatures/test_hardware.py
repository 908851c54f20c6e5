"""Hardware keys: what is touched counts as one's own key, and with a verified user as the strongest there is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests import sshsig
from manifests.errors import ManifestError
from tests.signatures import signers
from tests.signatures.hardware import TOUCHED, VERIFIED, HardwareKey, Kind
from tests.signatures.stage import Stage

MESSAGE = b"a message"
PASSKEY = ("{group: risk-managers, count: 1}", "{group: risk-managers, count: 1, signature: passkey}")


def strong(policy: str) -> str:
    assert PASSKEY[0] in policy
    return policy.replace(*PASSKEY)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
@pytest.mark.parametrize("flags", [0, TOUCHED, VERIFIED, TOUCHED | VERIFIED])
def test_what_the_authenticator_says_is_told(kind: Kind, flags: int) -> None:
    key = HardwareKey(kind, "ssh:work", flags)
    found = sshsig.verify(key.sign_bytes(MESSAGE), MESSAGE)
    assert (found.fingerprint, found.application) == (key.fingerprint, "ssh:work")
    assert (found.user_present, found.user_verified) == (bool(flags & TOUCHED), bool(flags & VERIFIED))


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_flags_that_were_not_signed_are_refused(kind: Kind) -> None:
    key = HardwareKey(kind, flags=TOUCHED)
    with pytest.raises(ManifestError, match="does not verify"):
        sshsig.verify(key.sign_bytes(MESSAGE, said=TOUCHED | VERIFIED), MESSAGE)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_stock_ssh_keygen_accepts_the_same(kind: Kind, tmp_path: Path) -> None:
    key = HardwareKey(kind)
    signature = key.sign_bytes(MESSAGE).encode()
    assert signers.accepts(key, signature, MESSAGE, tmp_path)
    assert not signers.accepts(key, signature, MESSAGE + b".", tmp_path)
    assert not signers.accepts(key, key.sign_bytes(MESSAGE, said=TOUCHED).encode(), MESSAGE, tmp_path)


async def test_a_seat_that_asks_for_a_verified_user_is_filled_by_a_hardware_key_alone(
    tmp_path: Path, new_url: Callable[[], str]
) -> None:
    stage = Stage(tmp_path, amend=strong, database_url=new_url())
    try:
        await stage.start()
        stage.bob_approves()
        await stage.until_text("Filled by bob")
        ordinary, key = await stage.enrolled("carol", "file"), HardwareKey("ed25519")
        assert (await stage.propose(key.line, "carol")).status == 201
        assert (await stage.confirm(key.fingerprint)).status == 200
        answer = await stage.approve(ordinary)
        assert (answer.body["outcome"], answer.body["grant"]["strength"]) == ("wait", "personal")
        key.flags = TOUCHED
        answer = await stage.approve(key)
        assert (answer.body["outcome"], answer.body["grant"]["strength"]) == ("wait", "personal")
        key.flags = VERIFIED
        assert (await stage.approve(key)).code == "statement.touch"
        key.flags = TOUCHED | VERIFIED
        answer = await stage.approve(key)
        assert (answer.body["outcome"], answer.body["grant"]["strength"]) == ("allow", "passkey")
        await stage.until_outcome("allow")
    finally:
        await stage.world.stop()


async def test_a_stored_signature_is_the_one_that_was_made(tmp_path: Path) -> None:
    stage = Stage(tmp_path, amend=strong)
    try:
        await stage.start()
        key = HardwareKey("ecdsa")
        await stage.propose(key.line, "carol")
        await stage.confirm(key.fingerprint)
        payload = await stage.payload(key)
        signature = key.sign(payload)
        answer = await stage.submit(payload, signature)
        found = await stage.service.database.read(lambda tx: stage.service.blobs.get(tx, answer.body["statement"]))
        assert base64.b64encode(signature.encode()) in found
    finally:
        await stage.world.stop()
