from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from manifests import ssh_keys, sshsig, strict_base64, webauthn
from manifests.errors import ManifestError
from manifests.keys import PrivateKey
from tests.requirements import need

RP_ID = "countersign.example"
ORIGIN = f"https://{RP_ID}"
MESSAGE = b"the statement"


class Passkey:
    """An authenticator in a browser: signs what a page asks it to, as WebAuthn Level 3 section 6.3.3 says."""

    def __init__(self) -> None:
        self.private = PrivateKey.generate("ecdsa-p256")
        self.key = ssh_keys.from_passkey(self.private.public.raw(), RP_ID)

    def get(
        self,
        challenge: bytes,
        client: dict[str, object] | None = None,
        *,
        flags: int = 0x05,
        extensions: bytes = b"",
    ) -> str:
        fields: dict[str, object] = {
            "type": "webauthn.get",
            "challenge": strict_base64.encode_url_unpadded(challenge),
            "origin": ORIGIN,
            "crossOrigin": False,
            **(client or {}),
        }
        return self.answer(json.dumps(fields, separators=(",", ":")).encode(), flags, extensions)

    def answer(self, client_data: bytes, flags: int = 0x05, extensions: bytes = b"") -> str:
        state = hashlib.sha256(RP_ID.encode()).digest() + bytes((flags,)) + (7).to_bytes(4, "big") + extensions
        signature = self.private.sign(state + hashlib.sha256(client_data).digest())
        return sshsig.from_assertion(self.key, webauthn.Assertion(client_data, state, signature))


PASSKEY = Passkey()
CHALLENGE = sshsig.signed_blob(MESSAGE)


def _verify(armored: str) -> sshsig.SshSignature:
    return sshsig.verify(armored, MESSAGE, origins=[ORIGIN])


def test_a_passkey_signs_a_statement_as_an_ssh_signature() -> None:
    found = _verify(PASSKEY.get(CHALLENGE))
    assert (found.fingerprint, found.application, found.origin) == (PASSKEY.key.fingerprint, RP_ID, ORIGIN)
    assert (found.user_present, found.user_verified, found.counter) == (True, True, 7)


@pytest.mark.parametrize(
    ("flags", "present", "verified"), [(0x00, False, False), (0x01, True, False), (0x1D, True, True)]
)
def test_presence_and_verification_are_reported_as_signed(flags: int, present: bool, verified: bool) -> None:
    found = _verify(PASSKEY.get(CHALLENGE, flags=flags))
    assert (found.user_present, found.user_verified) == (present, verified)


def test_unknown_members_of_the_client_data_are_allowed() -> None:
    found = _verify(PASSKEY.get(CHALLENGE, {"other_keys_can_be_added_here": "do not compare"}))
    assert found.user_verified


def test_extension_data_needs_its_flag() -> None:
    assert _verify(PASSKEY.get(CHALLENGE, flags=0x85, extensions=b"\xa0")).user_verified
    for flags, extensions in ((0x05, b"\xa0"), (0x85, b""), (0x45, b"")):
        with pytest.raises(ManifestError):
            _verify(PASSKEY.get(CHALLENGE, flags=flags, extensions=extensions))


@pytest.mark.parametrize(
    "client",
    [
        {"type": "webauthn.create"},
        {"challenge": strict_base64.encode_url_unpadded(sshsig.signed_blob(b"another statement"))},
        {"challenge": strict_base64.encode(CHALLENGE)},
        {"challenge": ""},
        {"origin": "https://countersign.example.attacker.test"},
        {"origin": "http://countersign.example"},
        {"crossOrigin": True},
        {"topOrigin": "https://attacker.test"},
        {"crossOrigin": "false"},
    ],
)
def test_an_assertion_that_was_asked_for_otherwise_is_refused(client: dict[str, object]) -> None:
    with pytest.raises(ManifestError):
        _verify(PASSKEY.get(CHALLENGE, client))


def test_client_data_in_another_order_is_refused_because_ssh_keygen_refuses_it() -> None:
    challenge = strict_base64.encode_url_unpadded(CHALLENGE)
    data = json.dumps({"origin": ORIGIN, "type": "webauthn.get", "challenge": challenge}, separators=(",", ":"))
    with pytest.raises(ManifestError):
        _verify(PASSKEY.answer(data.encode()))


def test_client_data_with_a_second_challenge_is_refused() -> None:
    challenge = strict_base64.encode_url_unpadded(CHALLENGE)
    data = f'{{"type":"webauthn.get","challenge":"{challenge}","origin":"{ORIGIN}","challenge":"AAAA"}}'
    with pytest.raises(ManifestError):
        _verify(PASSKEY.answer(data.encode()))


def test_ssh_keygen_verifies_a_passkeys_signature(tmp_path: Path) -> None:
    tool = need("ssh-keygen")
    (tmp_path / "signers").write_text(f"alice {PASSKEY.key.to_openssh()}\n")
    (tmp_path / "sig").write_text(PASSKEY.get(CHALLENGE))
    command: list[str | Path] = [
        tool,
        "-Y",
        "verify",
        "-f",
        tmp_path / "signers",
        "-I",
        "alice",
        "-n",
        sshsig.NAMESPACE,
    ]
    for message, code in ((MESSAGE, 0), (MESSAGE + b"!", 255)):
        done = subprocess.run([*command, "-s", tmp_path / "sig"], input=message, capture_output=True, check=False)
        assert done.returncode == code
