"""Public and private keys of the two kinds used here: Ed25519 (RFC 8032) and ECDSA P-256 with SHA-256.

A key is named by its OpenSSH fingerprint: ``SHA256:`` and the unpadded base64 SHA-256 of its wire blob.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from manifests import ed25519_points, strict_base64
from manifests.errors import ManifestError
from manifests.refusal import refusal
from manifests.ssh_wire import Reader, put_string

KeyKind = Literal["ed25519", "ecdsa-p256"]

SSH_ED25519 = "ssh-ed25519"
SSH_P256 = "ecdsa-sha2-nistp256"
SSH_CURVE = "nistp256"

_SHA256 = ec.ECDSA(hashes.SHA256())
_RAW_SIGNATURE_BYTES = 64


def fingerprint(blob: bytes) -> str:
    """OpenSSH's name for the key with this wire blob."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()


def split_openssh(line: str) -> tuple[str, bytes]:
    """Key type and wire blob of an OpenSSH public key line ``type base64 [comment]``."""
    words = line.strip().split(None, 2)
    if len(words) < 2 or "\n" in line.strip():
        raise _unreadable(f"{line.strip()[:40]!r}")
    blob = strict_base64.decode(words[1], "the key")
    if Reader(blob, "public key").text() != words[0]:
        raise _unreadable(f"type {words[0]!r} before a key of another type")
    return words[0], blob


class PublicKey:
    """A key that may be trusted to verify. Equal keys have equal ``blob`` (OpenSSH wire form)."""

    __slots__ = ("_key", "blob", "fingerprint", "kind")

    def __init__(self, key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> None:
        """Refuses other curves than P-256 and weak Ed25519 points with ManifestError."""
        if isinstance(key, ed25519.Ed25519PublicKey):
            raw = key.public_bytes_raw()
            defect = ed25519_points.defect(raw)
            if defect is not None:
                raise _weak(defect)
            self.kind: KeyKind = "ed25519"
            self.blob = put_string(SSH_ED25519.encode()) + put_string(raw)
        elif isinstance(key.curve, ec.SECP256R1):
            self.kind = "ecdsa-p256"
            names = put_string(SSH_P256.encode()) + put_string(SSH_CURVE.encode())
            self.blob = names + put_string(_point(key))
        else:
            raise _unreadable(f"an elliptic-curve key on {key.curve.name}")
        self._key = key
        self.fingerprint = fingerprint(self.blob)

    @classmethod
    def from_ed25519(cls, raw: bytes) -> PublicKey:
        """From the 32 bytes of an Ed25519 public key."""
        defect = ed25519_points.defect(raw)
        if defect is not None:
            raise _weak(defect)
        return cls(ed25519.Ed25519PublicKey.from_public_bytes(raw))

    @classmethod
    def from_p256(cls, point: bytes) -> PublicKey:
        """From the 65 bytes of an uncompressed P-256 point."""
        if len(point) != 65 or point[0] != 4:
            raise _unreadable(f"{len(point)} bytes where an uncompressed P-256 point has 65")
        try:
            return cls(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        except ValueError as error:
            raise _weak("bytes that are no point of P-256") from error

    @classmethod
    def from_blob(cls, blob: bytes) -> PublicKey:
        """From the OpenSSH wire form."""
        reader = Reader(blob, "public key")
        kind = reader.text()
        if kind == SSH_ED25519:
            raw = reader.string()
            reader.end()
            return cls.from_ed25519(raw)
        if kind == SSH_P256 and reader.text() == SSH_CURVE:
            point = reader.string()
            reader.end()
            return cls.from_p256(point)
        raise _unreadable(f"key type {kind!r}")

    @classmethod
    def from_openssh(cls, line: str) -> PublicKey:
        """From ``ssh-ed25519 AAAA… [comment]`` or ``ecdsa-sha2-nistp256 AAAA… [comment]``."""
        return cls.from_blob(split_openssh(line)[1])

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """From a PEM SubjectPublicKeyInfo (``-----BEGIN PUBLIC KEY-----``)."""
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _unreadable("no readable PEM public key") from error
        if not isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
            raise _unreadable(f"a key of type {type(key).__name__}")
        return cls(key)

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """From an OpenSSH line or a PEM block, whichever ``text`` is."""
        if text.lstrip().startswith("-----BEGIN"):
            return cls.from_pem(text.encode("ascii", "replace"))
        return cls.from_openssh(text)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether ``signature`` over ``data`` was made with this key.

        P-256 signatures may be DER or raw ``r || s`` (64 bytes), as foreign DSSE envelopes carry either.
        """
        if isinstance(self._key, ed25519.Ed25519PublicKey):
            return _verifies_ed25519(self._key, signature, data)
        if len(signature) == _RAW_SIGNATURE_BYTES and _verifies_p256(self._key, _der(signature), data):
            return True
        return _verifies_p256(self._key, signature, data)

    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key or the 65 bytes of the uncompressed P-256 point."""
        if isinstance(self._key, ed25519.Ed25519PublicKey):
            return self._key.public_bytes_raw()
        return _point(self._key)

    def to_openssh(self, comment: str = "") -> str:
        """One line, without a line break."""
        name = SSH_ED25519 if self.kind == "ed25519" else SSH_P256
        return f"{name} {strict_base64.encode(self.blob)} {comment}".rstrip()

    def to_pem(self) -> bytes:
        """PEM SubjectPublicKeyInfo, as ``openssl`` reads it."""
        return self._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.blob == other.blob

    def __hash__(self) -> int:
        return hash(self.blob)

    def __repr__(self) -> str:
        return f"PublicKey({self.kind}, {self.fingerprint})"


class PrivateKey:
    """A key that signs. Its secret appears only in ``to_pem``, never in ``repr``, ``str`` or a pickle."""

    __slots__ = ("_key", "public")

    def __init__(self, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def generate(cls, kind: KeyKind = "ecdsa-p256") -> PrivateKey:
        """A new key from the operating system's randomness."""
        if kind == "ed25519":
            return cls(ed25519.Ed25519PrivateKey.generate())
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> PrivateKey:
        """From PEM (PKCS#8 or SEC 1) or an OpenSSH private key file."""
        load = (
            serialization.load_ssh_private_key
            if b"BEGIN OPENSSH PRIVATE KEY" in pem
            else serialization.load_pem_private_key
        )
        try:
            key = load(pem, password)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise refusal(
                "key.private_unreadable",
                "expected a PEM or OpenSSH private key and its password, found none that opens.",
                "Check the file and the password; a key without a password takes none.",
            ) from error
        if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            raise _unreadable(f"a key of type {type(key).__name__}")
        return cls(key)

    @property
    def kind(self) -> KeyKind:
        return self.public.kind

    def sign(self, data: bytes) -> bytes:
        """Ed25519: 64 bytes; P-256: a DER signature over SHA-256."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        return self._key.sign(data, _SHA256)

    def to_pem(self, password: bytes | None = None) -> bytes:
        """PKCS#8, encrypted if there is a password."""
        encryption: serialization.KeySerializationEncryption = (
            serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        )
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)

    def __repr__(self) -> str:
        return f"PrivateKey({self.kind}, {self.public.fingerprint})"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled; pass its PEM on a protected channel")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _der(raw: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def _verifies_ed25519(key: ed25519.Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _verifies_p256(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, _SHA256)
    except InvalidSignature:
        return False
    return True


def _unreadable(found: str) -> ManifestError:
    return refusal(
        "key.unreadable",
        f"expected an Ed25519 or ECDSA P-256 public key, found {found}.",
        "Give an OpenSSH line (ssh-ed25519 or ecdsa-sha2-nistp256) or a PEM public key.",
    )


def _weak(defect: str) -> ManifestError:
    return refusal(
        "key.weak", f"expected a sound public key, found {defect}.", "Generate a new key; never use this one."
    )
