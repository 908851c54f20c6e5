"""SSH signatures over any message (OpenSSH PROTOCOL.sshsig), as ``ssh-keygen -Y sign`` makes them.

A passkey's assertion is carried in the same format (PROTOCOL.u2f, "webauthn signatures"), so that one stock
program checks both. ``ssh-keygen`` looks at neither user verification nor origin; ``verify`` reports or
checks them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

import msgspec

from manifests import ssh_keys, strict_base64, webauthn
from manifests.errors import ManifestError
from manifests.keys import SSH_ED25519, SSH_P256, PrivateKey
from manifests.refusal import refusal
from manifests.ssh_keys import SshKey, SshKeyKind
from manifests.ssh_signatures import p256_from_der, p256_to_der
from manifests.ssh_wire import Reader, put_string

NAMESPACE: Final = "consent@countersign.dev"
BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
END: Final = "-----END SSH SIGNATURE-----"
MAX_ARMORED = 16 * 1024

_MAGIC = b"SSHSIG"
_VERSION = 1
_LINE = 70
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_USER_PRESENT = 0x01
_USER_VERIFIED = 0x04


class SshSignature(msgspec.Struct, frozen=True):
    """Who signed and how. ``origin`` is a passkey's web page; file keys have no flags, so both are false."""

    fingerprint: str
    public_key: str
    kind: SshKeyKind
    user_present: bool = False
    user_verified: bool = False
    application: str | None = None
    origin: str | None = None
    counter: int | None = None


class _Parts(msgspec.Struct, frozen=True):
    key: SshKey
    namespace: str
    hash_name: str
    signature: bytes


def verify(armored: str, message: bytes, *, namespace: str = NAMESPACE, origins: Collection[str] = ()) -> SshSignature:
    """The signer, if ``armored`` is a signature over ``message`` in ``namespace``; else raises ManifestError.

    ``origins`` lists the web pages (``https://host``) whose passkey assertions count; by default none do.
    """
    parts = _parse(armored)
    if parts.namespace != namespace:
        raise refusal(
            "sshsig.namespace",
            f"expected a signature for {namespace!r}, found one for {parts.namespace!r}.",
            f"Sign again with ssh-keygen -Y sign -n {namespace}.",
        )
    signed = signed_blob(message, namespace, parts.hash_name)
    if parts.key.application is None:
        return _verify_file_key(parts.key, parts.signature, signed)
    return _verify_security_key(parts.key, parts.signature, signed, origins)


def signed_blob(message: bytes, namespace: str = NAMESPACE, hash_name: str = "sha512") -> bytes:
    """The bytes that are really signed; a passkey page uses exactly these as the challenge."""
    fields = (namespace.encode(), b"", hash_name.encode(), _HASHES[hash_name](message).digest())
    return _MAGIC + b"".join(map(put_string, fields))


def sign(key: PrivateKey, message: bytes, namespace: str = NAMESPACE) -> str:
    """The armored signature with a file key."""
    data = key.sign(signed_blob(message, namespace))
    if key.kind == "ed25519":
        signature = put_string(SSH_ED25519.encode()) + put_string(data)
    else:
        signature = put_string(SSH_P256.encode()) + put_string(p256_from_der(data))
    return armor(key.public.blob, signature, namespace)


def from_assertion(key: SshKey, assertion: webauthn.Assertion, namespace: str = NAMESPACE) -> str:
    """A passkey's assertion over ``signed_blob(message)`` as an armored signature; ``verify`` checks it."""
    return armor(key.blob, webauthn.to_signature(assertion), namespace)


def armor(public_blob: bytes, signature: bytes, namespace: str) -> str:
    """The text form of a signature, ending in a line break."""
    fields = (public_blob, namespace.encode(), b"", b"sha512", signature)
    blob = _MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(put_string, fields))
    text = strict_base64.encode(blob)
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return "\n".join((BEGIN, *lines, END, ""))


def _parse(armored: str) -> _Parts:
    reader = Reader(_unarmor(armored), "SSH signature")
    if reader.take(len(_MAGIC)) != _MAGIC or reader.uint32() != _VERSION:
        raise reader.broken("SSHSIG version 1", "something else")
    key = ssh_keys.from_blob(reader.string())
    namespace, reserved, hash_name, signature = reader.text(), reader.string(), reader.text(), reader.string()
    reader.end()
    if reserved or hash_name not in _HASHES:
        raise reader.broken("hash sha256 or sha512 and an empty reserved field", repr(hash_name))
    return _Parts(key, namespace, hash_name, signature)


def _unarmor(armored: str) -> bytes:
    lines = armored.strip(" \t\r\n").replace("\r\n", "\n").split("\n")
    if len(armored) > MAX_ARMORED or len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise refusal(
            "sshsig.armor",
            f"expected one block from {BEGIN} to {END}, found {armored[:40]!r}.",
            "Paste the whole output of ssh-keygen -Y sign, nothing before or after it.",
        )
    return strict_base64.decode("".join(lines[1:-1]), "the SSH signature")


def _verify_file_key(key: SshKey, signature: bytes, signed: bytes) -> SshSignature:
    reader = Reader(signature, "SSH signature")
    _expect_type(reader, key.type)
    data = reader.string()
    reader.end()
    _require(key.point.verify(data if key.kind == "ed25519" else p256_to_der(data), signed))
    return SshSignature(key.fingerprint, key.to_openssh(), key.kind)


def _verify_security_key(key: SshKey, signature: bytes, signed: bytes, origins: Collection[str]) -> SshSignature:
    application = key.application or ""
    reader = Reader(signature, "SSH signature")
    type_ = reader.text()
    is_web = type_ == webauthn.SIGNATURE_TYPE and key.kind == "sk-ecdsa-p256"
    if type_ != key.type and not is_web:
        raise reader.broken(f"a signature of type {key.type}", repr(type_))
    data, flags, counter = reader.string(), reader.byte(), reader.uint32()
    origin, extensions, hashed = None, b"", hashlib.sha256(signed).digest()
    if is_web:
        origin, client_data, extensions = reader.text(), reader.string(), reader.string()
        webauthn.check(client_data, signed, origin, origins, flags, extensions)
        hashed = hashlib.sha256(client_data).digest()
    reader.end()
    state = bytes((flags,)) + counter.to_bytes(4, "big")
    covered = hashlib.sha256(application.encode()).digest() + state + extensions + hashed
    _require(key.point.verify(data if key.kind == "sk-ed25519" else p256_to_der(data), covered))
    return SshSignature(
        fingerprint=key.fingerprint,
        public_key=key.to_openssh(),
        kind=key.kind,
        user_present=bool(flags & _USER_PRESENT),
        user_verified=bool(flags & _USER_VERIFIED),
        application=application,
        origin=origin,
        counter=counter,
    )


def _expect_type(reader: Reader, type_: str) -> None:
    if (found := reader.text()) != type_:
        raise reader.broken(f"a signature of type {type_}", repr(found))


def _require(verified: bool) -> None:
    if not verified:
        raise _invalid()


def _invalid() -> ManifestError:
    return refusal(
        "sshsig.invalid",
        "expected a signature over exactly this statement, found one that does not verify.",
        "Sign the statement as it is served now, byte for byte, and send the new signature.",
    )
