from __future__ import annotations

import pickle
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from manifests import ed25519_points
from manifests.errors import ManifestError
from manifests.keys import KeyKind, PrivateKey, PublicKey
from tests.manifests.signing.vectors import load
from tests.requirements import need

KINDS: tuple[KeyKind, ...] = ("ed25519", "ecdsa-p256")
WYCHEPROOF = load("wycheproof.json")


def _add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
    modulus = ed25519_points.P
    product = ed25519_points.D * p[0] * q[0] * p[1] * q[1]
    x = (p[0] * q[1] + p[1] * q[0]) * pow(1 + product, -1, modulus)
    y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - product, -1, modulus)
    return x % modulus, y % modulus


def _recover_x(y: int) -> int:
    modulus = ed25519_points.P
    square = (y * y - 1) * pow(ed25519_points.D * y * y + 1, -1, modulus) % modulus
    root = pow(square, (modulus + 3) // 8, modulus)
    if root * root % modulus != square:
        root = root * pow(2, (modulus - 1) // 4, modulus) % modulus
    assert root * root % modulus == square
    return root


@pytest.mark.parametrize("y", sorted(ed25519_points.LOW_ORDER_Y))
def test_eight_times_each_listed_point_is_the_neutral_element(y: int) -> None:
    point = (_recover_x(y), y)
    for _ in range(3):
        point = _add(point, point)
    assert point == (0, 1)


def test_the_list_of_low_order_points_is_complete() -> None:
    points = {(sign * _recover_x(y) % ed25519_points.P, y) for y in ed25519_points.LOW_ORDER_Y for sign in (1, -1)}
    assert len(points) == 8  # all there are: the cofactor of the curve


@pytest.mark.parametrize("sign_bit", [0, 1])
@pytest.mark.parametrize("offset", [0, ed25519_points.P])
@pytest.mark.parametrize("y", sorted(ed25519_points.LOW_ORDER_Y))
def test_every_encoding_of_a_low_order_point_is_refused(y: int, offset: int, sign_bit: int) -> None:
    number = y + offset
    if number < 2**255:
        raw = (number | sign_bit << 255).to_bytes(32, "little")
        with pytest.raises(ManifestError) as refused:
            PublicKey.from_ed25519(raw)
        assert refused.value.problems[0].code == "key.weak"


def test_no_key_of_low_order_or_odd_encoding_verifies_a_cctv_signature() -> None:
    accepted = []
    for number, key, signature, message, flags in load("cctv-ed25519.json")["vectors"]:
        try:
            public = PublicKey.from_ed25519(bytes.fromhex(key))
        except ManifestError:
            continue
        if public.verify(bytes.fromhex(signature), message.encode()) and {"low_order_A", "non_canonical_A"} & set(
            flags
        ):
            accepted.append(number)
    assert accepted == []


def test_cctv_has_keys_that_the_library_alone_would_accept() -> None:
    weak = [row for row in load("cctv-ed25519.json")["vectors"] if "low_order_A" in row[4]]
    refused = [row for row in weak if ed25519_points.defect(bytes.fromhex(row[1]))]
    assert refused == weak
    assert len(weak) == 526


@pytest.mark.parametrize("group", ["ed25519", "p256_der", "p256_raw"])
def test_wycheproof_signatures_verify_exactly_when_valid(group: str) -> None:
    make = PublicKey.from_ed25519 if group == "ed25519" else PublicKey.from_p256
    wrong = []
    for number, key, message, signature, valid, comment in WYCHEPROOF[group]:
        try:
            verified = make(bytes.fromhex(key)).verify(bytes.fromhex(signature), bytes.fromhex(message))
        except ManifestError:
            verified = False
        if verified != valid:
            wrong.append((number, comment))
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_a_public_key_reads_back(kind: KeyKind) -> None:
    key = PrivateKey.generate(kind).public
    forms = (
        PublicKey.from_openssh(key.to_openssh("somebody somewhere")),
        PublicKey.from_pem(key.to_pem()),
        PublicKey.from_blob(key.blob),
        PublicKey.parse(key.to_pem().decode()),
        PublicKey.parse(key.to_openssh()),
    )
    assert set(forms) == {key}
    assert {form.fingerprint for form in forms} == {key.fingerprint}


@pytest.mark.parametrize("password", [None, b"correct horse"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_private_key_reads_back_and_signs_the_same(kind: KeyKind, password: bytes | None) -> None:
    key = PrivateKey.generate(kind)
    again = PrivateKey.from_pem(key.to_pem(password), password)
    assert key.public.verify(again.sign(b"data"), b"data")
    assert not key.public.verify(again.sign(b"data"), b"date")


@pytest.mark.parametrize("password", [None, b"wrong"])
def test_a_private_key_with_the_wrong_password_says_so(password: bytes | None) -> None:
    pem = PrivateKey.generate().to_pem(b"right")
    with pytest.raises(ManifestError, match="password"):
        PrivateKey.from_pem(pem, password)


def test_p256_signatures_are_accepted_as_der_and_as_raw_pair() -> None:
    row = next(row for row in WYCHEPROOF["p256_raw"] if row[4])
    key = PublicKey.from_p256(bytes.fromhex(row[1]))
    private = PrivateKey.generate()
    assert key.verify(bytes.fromhex(row[3]), bytes.fromhex(row[2]))
    assert private.public.verify(private.sign(b"x"), b"x")


def test_a_secret_shows_in_no_text_and_no_pickle() -> None:
    key = PrivateKey.generate("ed25519")
    secret = serialization.load_pem_private_key(key.to_pem(), None)
    assert isinstance(secret, ed25519.Ed25519PrivateKey)
    hidden = secret.private_bytes_raw().hex()
    assert hidden not in repr(key) + str(key)
    assert "PRIVATE" not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


def _spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


UNREADABLE = {
    "rsa": _spki(rsa.generate_private_key(65537, 2048).public_key()),
    "p384": _spki(ec.generate_private_key(ec.SECP384R1()).public_key()),
    "nothing": b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_other_pem_keys_are_refused(name: str) -> None:
    with pytest.raises(ManifestError):
        PublicKey.from_pem(UNREADABLE[name])


GOOD = PrivateKey.generate("ed25519").public


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        GOOD.to_openssh().replace("ssh-ed25519", "ssh-rsa", 1),
        GOOD.to_openssh()[:-4],
        GOOD.to_openssh() + "\n" + GOOD.to_openssh(),
        "restrict " + GOOD.to_openssh(),
        load("openssh-sshsig.json")["rsa.pub"][0],
        load("openssh-sshsig.json")["mldsa44-ed25519.pub"][0],
        load("openssh-sshsig.json")["ed25519_sk.pub"][0],
    ],
    ids=lambda _: "case",
)
def test_other_openssh_lines_are_refused(line: str) -> None:
    with pytest.raises(ManifestError):
        PublicKey.from_openssh(line)


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33), b"\x02" + bytes(31)])
def test_bytes_that_are_no_ed25519_point_are_refused(raw: bytes) -> None:
    with pytest.raises(ManifestError):
        PublicKey.from_ed25519(raw)


@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_gives_the_same_fingerprint(kind: KeyKind, tmp_path: Path) -> None:
    tool = need("ssh-keygen")
    key = PrivateKey.generate(kind).public
    (tmp_path / "key.pub").write_text(key.to_openssh("test") + "\n")
    shown = subprocess.run([tool, "-l", "-f", tmp_path / "key.pub"], capture_output=True, check=True, text=True)
    assert shown.stdout.split()[1] == key.fingerprint
