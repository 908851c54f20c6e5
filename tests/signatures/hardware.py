"""A hardware key made in software: what an authenticator signs, as PROTOCOL.u2f of OpenSSH describes it."""

from __future__ import annotations

import base64
import hashlib
from typing import Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from manifests import ssh_keys, sshsig, statement
from manifests.ssh_signatures import p256_from_der
from manifests.ssh_wire import put_string
from manifests.sshsig import NAMESPACE

Kind = Literal["ed25519", "ecdsa"]
TOUCHED, VERIFIED = 0x01, 0x04


class HardwareKey:
    """``flags`` are what the authenticator says of its next signature: touched, and its user verified."""

    def __init__(self, kind: Kind, application: str = "ssh:", flags: int = TOUCHED | VERIFIED) -> None:
        self.flags = flags
        self.counter = 0
        self._application = application.encode()
        self._ed25519 = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else None
        self._ecdsa = ec.generate_private_key(ec.SECP256R1())
        self._type = ssh_keys.SK_ED25519 if kind == "ed25519" else ssh_keys.SK_P256
        if self._ed25519 is not None:
            public = (self._ed25519.public_key().public_bytes_raw(),)
        else:
            point = self._ecdsa.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            public = (b"nistp256", point)  # type: ignore[assignment]
        self._blob = b"".join(map(put_string, (self._type.encode(), *public, self._application)))
        self.line = f"{self._type} {base64.b64encode(self._blob).decode()} carol@acme"

    @property
    def fingerprint(self) -> str:
        return ssh_keys.from_openssh(self.line).fingerprint

    def sign(self, payload: bytes, namespace: str = NAMESPACE) -> str:
        """The armored signature over the statement's pre-authentication encoding."""
        return self.sign_bytes(statement.signed_message(payload), namespace)

    def sign_bytes(self, message: bytes, namespace: str = NAMESPACE, said: int | None = None) -> str:
        """``said`` are the flags that the signature tells, where they are not those that it covers."""
        self.counter += 1
        count = self.counter.to_bytes(4, "big")
        digest = hashlib.sha256(sshsig.signed_blob(message, namespace)).digest()
        covered = hashlib.sha256(self._application).digest() + bytes((self.flags,)) + count + digest
        if self._ed25519 is not None:
            data = self._ed25519.sign(covered)
        else:
            data = p256_from_der(self._ecdsa.sign(covered, ec.ECDSA(hashes.SHA256())))
        told = self.flags if said is None else said
        signature = put_string(self._type.encode()) + put_string(data) + bytes((told,)) + count
        return sshsig.armor(self._blob, signature, namespace)
