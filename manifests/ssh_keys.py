"""Public keys that SSH signatures name: file keys and the two kinds held by security keys (PROTOCOL.u2f)."""

from __future__ import annotations

from typing import Literal

import msgspec

from manifests import strict_base64
from manifests.keys import SSH_CURVE, PublicKey, fingerprint, split_openssh
from manifests.refusal import refusal
from manifests.ssh_wire import Reader, put_string

SshKeyKind = Literal["ed25519", "ecdsa-p256", "sk-ed25519", "sk-ecdsa-p256"]

SK_ED25519 = "sk-ssh-ed25519@openssh.com"
SK_P256 = "sk-ecdsa-sha2-nistp256@openssh.com"


class SshKey(msgspec.Struct, frozen=True):
    """A key as OpenSSH names it. ``application`` is None for file keys; for security keys it is part of the
    key's identity (``ssh:`` or, for a passkey, the relying party's domain). ``point`` verifies."""

    type: str
    kind: SshKeyKind
    blob: bytes
    point: PublicKey
    application: str | None = None

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.blob)

    def to_openssh(self) -> str:
        """One line, without comment or line break."""
        return f"{self.type} {strict_base64.encode(self.blob)}"


def from_blob(blob: bytes) -> SshKey:
    """The key with this wire form. Raises ManifestError for other kinds (RSA, certificates, ML-DSA, …)."""
    reader = Reader(blob, "public key")
    type_ = reader.text()
    if type_ not in (SK_ED25519, SK_P256):
        point = PublicKey.from_blob(blob)
        return SshKey(type_, point.kind, blob, point)
    if type_ == SK_P256 and (curve := reader.text()) != SSH_CURVE:
        raise refusal("key.unreadable", f"expected curve {SSH_CURVE}, found {curve!r}.", "Use a P-256 key.")
    raw, application = reader.string(), reader.text()
    reader.end()
    if type_ == SK_ED25519:
        return SshKey(type_, "sk-ed25519", blob, PublicKey.from_ed25519(raw), application)
    return SshKey(type_, "sk-ecdsa-p256", blob, PublicKey.from_p256(raw), application)


def from_openssh(line: str) -> SshKey:
    """The key on an OpenSSH public key line."""
    return from_blob(split_openssh(line)[1])


def from_passkey(point: bytes, rp_id: str) -> SshKey:
    """The key of an ES256 passkey: its uncompressed P-256 point (65 bytes) and the relying party's domain."""
    fields = (SK_P256.encode(), SSH_CURVE.encode(), point, rp_id.encode())
    return from_blob(b"".join(map(put_string, fields)))
