from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from manifests import ssh_keys, sshsig
from manifests.errors import ManifestError
from manifests.keys import KeyKind, PrivateKey
from tests.manifests.signing.vectors import load
from tests.requirements import need

VECTORS = {name: rows[0] for name, rows in load("openssh-sshsig.json").items()}
MESSAGE = VECTORS["signed-data"].encode()
ORIGIN = "https://www.mindrot.org"
READ = {
    "ed25519": ("ed25519", None, None),
    "ecdsa": ("ecdsa-p256", None, None),
    "ed25519_sk": ("sk-ed25519", "ssh:", None),
    "ecdsa_sk": ("sk-ecdsa-p256", "ssh:", None),
    "ecdsa_sk_webauthn": ("sk-ecdsa-p256", "mindrot.org", ORIGIN),
}
KINDS: tuple[KeyKind, ...] = ("ed25519", "ecdsa-p256")


def _verify(armored: str, message: bytes = MESSAGE) -> sshsig.SshSignature:
    return sshsig.verify(armored, message, namespace=VECTORS["namespace"], origins=[ORIGIN])


def _blob(armored: str) -> bytes:
    return base64.b64decode("".join(armored.split("\n")[1:-2]))


def _armored(blob: bytes) -> str:
    return f"{sshsig.BEGIN}\n{base64.b64encode(blob).decode()}\n{sshsig.END}\n"


@pytest.mark.parametrize("name", READ)
def test_signatures_made_by_openssh_verify(name: str) -> None:
    found = _verify(VECTORS[f"{name}.sig"])
    key = ssh_keys.from_openssh(VECTORS[f"{name}.pub"])
    assert (found.kind, found.application, found.origin) == READ[name]
    assert (found.fingerprint, found.public_key) == (key.fingerprint, key.to_openssh())
    assert found.user_present == (found.application is not None)
    assert not found.user_verified


@pytest.mark.parametrize("name", ["rsa", "mldsa44-ed25519"])
def test_kinds_of_keys_we_do_not_take_are_refused_by_name(name: str) -> None:
    with pytest.raises(ManifestError) as refused:
        _verify(VECTORS[f"{name}.sig"])
    assert refused.value.problems[0].code == "key.unreadable"
    assert name.split("-")[0] in str(refused.value)


@pytest.mark.parametrize("name", READ)
def test_another_message_or_namespace_is_refused(name: str) -> None:
    with pytest.raises(ManifestError):
        _verify(VECTORS[f"{name}.sig"], MESSAGE + b".")
    with pytest.raises(ManifestError) as refused:
        sshsig.verify(VECTORS[f"{name}.sig"], MESSAGE, origins=[ORIGIN])
    assert refused.value.problems[0].code == "sshsig.namespace"


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
@pytest.mark.parametrize("name", READ)
def test_no_changed_byte_of_a_signature_is_accepted(name: str, flip: int) -> None:
    blob = _blob(VECTORS[f"{name}.sig"])
    assert _verify(_armored(blob)).kind
    accepted = []
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= flip
        try:
            _verify(_armored(bytes(changed)))
        except ManifestError:
            continue
        accepted.append(at)
    assert accepted == []


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x04])
@pytest.mark.parametrize("name", ["ed25519", "ecdsa"])
def test_no_changed_character_of_the_armor_is_accepted(name: str, flip: int) -> None:
    text = VECTORS[f"{name}.sig"].rstrip("\n")
    for at in range(len(text)):
        changed = text[:at] + chr(ord(text[at]) ^ flip) + text[at + 1 :]
        with pytest.raises(ManifestError):
            _verify(changed)


@pytest.mark.parametrize("name", READ)
def test_cut_and_lengthened_signatures_are_refused(name: str) -> None:
    blob = _blob(VECTORS[f"{name}.sig"])
    for end in range(len(blob)):
        with pytest.raises(ManifestError):
            _verify(_armored(blob[:end]))
    with pytest.raises(ManifestError):
        _verify(_armored(blob + b"\x00"))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"\n  {text}\n\n",
        lambda text: text.rstrip("\n"),
    ],
)
def test_a_pasted_signature_may_have_other_line_ends_and_space_around_it(change: object) -> None:
    assert callable(change)
    assert _verify(change(VECTORS["ed25519.sig"])).kind == "ed25519"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "see: " + text,
        lambda text: text + "thanks",
        lambda text: text + text,
        lambda text: text.replace(sshsig.END, ""),
        lambda text: text.replace("SSH SIGNATURE", "SIGNATURE"),
        lambda text: text.replace("\n", "\n ", 2),
        lambda text: "",
    ],
)
def test_anything_around_or_inside_the_block_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(ManifestError):
        _verify(change(VECTORS["ed25519.sig"]))


@pytest.mark.parametrize("origins", [[], ["https://mindrot.org"], ["http://www.mindrot.org"], [ORIGIN + "/"]])
def test_a_passkey_counts_only_on_a_listed_page(origins: list[str]) -> None:
    with pytest.raises(ManifestError) as refused:
        sshsig.verify(VECTORS["ecdsa_sk_webauthn.sig"], MESSAGE, namespace=VECTORS["namespace"], origins=origins)
    assert refused.value.problems[0].code == "webauthn.refused"


@pytest.mark.parametrize("kind", KINDS)
def test_our_signatures_verify_and_name_the_key(kind: KeyKind) -> None:
    key = PrivateKey.generate(kind)
    found = sshsig.verify(sshsig.sign(key, b"statement"), b"statement")
    assert found == sshsig.SshSignature(key.public.fingerprint, key.public.to_openssh(), kind)


def _keygen_verify(tool: str, folder: Path, public: str, namespace: str, message: bytes, armored: str) -> bool:
    (folder / "signers").write_text(f"alice {public}\n")
    (folder / "sig").write_text(armored)
    done = subprocess.run(
        [tool, "-Y", "verify", "-f", folder / "signers", "-I", "alice", "-n", namespace, "-s", folder / "sig"],
        input=message,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_verifies_our_signatures(kind: KeyKind, tmp_path: Path) -> None:
    tool = need("ssh-keygen")
    key = PrivateKey.generate(kind)
    for number in range(5):  # several, as the length of ECDSA's integers varies
        message = b"statement %d" % number
        armored = sshsig.sign(key, message)
        public = key.public.to_openssh()
        assert _keygen_verify(tool, tmp_path, public, sshsig.NAMESPACE, message, armored)
        assert not _keygen_verify(tool, tmp_path, public, sshsig.NAMESPACE, message + b"!", armored)
        assert not _keygen_verify(tool, tmp_path, public, "file", message, armored)


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
@pytest.mark.parametrize("kind", KINDS)
def test_we_verify_what_ssh_keygen_signs(kind: KeyKind, hash_name: str, tmp_path: Path) -> None:
    tool = need("ssh-keygen")
    type_ = "ed25519" if kind == "ed25519" else "ecdsa"
    key_file = tmp_path / "key"
    subprocess.run([tool, "-q", "-t", type_, "-N", "", "-f", key_file], check=True)
    signed = subprocess.run(
        [tool, "-Y", "sign", "-O", f"hashalg={hash_name}", "-n", sshsig.NAMESPACE, "-f", key_file],
        input=b"statement",
        capture_output=True,
        check=True,
    ).stdout.decode()
    found = sshsig.verify(signed, b"statement")
    assert found.fingerprint == ssh_keys.from_openssh((tmp_path / "key.pub").read_text()).fingerprint
    private = PrivateKey.from_pem(key_file.read_bytes())
    assert private.public.fingerprint == found.fingerprint


@pytest.mark.parametrize("name", READ)
def test_ssh_keygen_agrees_about_openssh_vectors(name: str, tmp_path: Path) -> None:
    tool = need("ssh-keygen")
    public = " ".join(VECTORS[f"{name}.pub"].split()[:2])
    armored = VECTORS[f"{name}.sig"]
    assert _keygen_verify(tool, tmp_path, public, VECTORS["namespace"], MESSAGE, armored)
