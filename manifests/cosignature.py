"""Cosignatures of witnesses over checkpoints (C2SP tlog-cosignature, the Ed25519 kind).

A witness says: as of this time, this is the largest tree of this log that I saw, and each I saw before is its
beginning. It signs ``cosignature/v1``, ``time <seconds>`` and the checkpoint's text, each line with its line break; a
signature line of the note carries 8 bytes of time (big-endian seconds since 1970) before the 64 of the signature.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from manifests import note, strict_base64
from manifests.errors import ManifestError
from manifests.keys import PrivateKey, PublicKey
from manifests.note import NoteSignature
from manifests.refusal import refusal

ED25519 = b"\x04"
_SIGNATURE_BYTES = 8 + 64
_NAME = re.compile(r"[^\s+]+")


class WitnessKey(msgspec.Struct, frozen=True):
    """A named key that may cosign."""

    name: str
    key: PublicKey

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256 over name, line break, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.key.raw()).digest()[:4]

    def encode(self) -> str:
        """The vkey text, ``name+keyid+base64(type || key)``."""
        return f"{self.name}+{self.key_id.hex()}+{strict_base64.encode(ED25519 + self.key.raw())}"

    @classmethod
    def parse(cls, text: str) -> WitnessKey:
        """Inverse of ``encode``. Raises ManifestError for another type or a key id that does not fit."""
        name, _, rest = text.partition("+")
        key_id, _, data = rest.partition("+")
        raw = strict_base64.decode(data, "the witness key")
        if not _NAME.fullmatch(name) or raw[:1] != ED25519 or len(raw) != 33:
            raise _malformed("a witness key name+keyid+base64 of the Ed25519 cosignature type (4)", text)
        found = cls(name, PublicKey.from_ed25519(raw[1:]))
        if found.key_id.hex() != key_id:
            raise _malformed(f"key id {found.key_id.hex()}", text)
        return found


class Cosignature(msgspec.Struct, frozen=True):
    """That a witness saw the checkpoint, at ``time`` (seconds since 1970 UTC); ``line`` is its line of the note."""

    time: int
    line: str


def sign(text: str, name: str, key: PrivateKey, time: int) -> Cosignature:
    """Of a checkpoint's text, as a witness makes it."""
    signature = time.to_bytes(8, "big") + key.sign(_message(text, time))
    line = NoteSignature(name, WitnessKey(name, key.public).key_id, signature)
    return Cosignature(time, note.Note(text, (line,)).encode().decode().rpartition("\n\n")[2])


def verify(text: str, lines: str, witness: WitnessKey) -> Cosignature:
    """The witness's cosignature of a checkpoint's ``text`` among signature lines; those of other keys are ignored.

    Raises ManifestError when there is none, or it does not verify.
    """
    found = note.parse(f"{text}\n{lines}".encode())
    for one in found.signatures:
        if (one.name, one.key_id) != (witness.name, witness.key_id):
            continue
        if len(one.signature) != _SIGNATURE_BYTES:
            raise _malformed(f"{_SIGNATURE_BYTES} bytes of time and signature", f"{len(one.signature)} bytes")
        time = int.from_bytes(one.signature[:8], "big")
        if time >= 1 << 63 or not witness.key.verify(one.signature[8:], _message(text, time)):
            break
        return Cosignature(time, note.Note(text, (one,)).encode().decode().rpartition("\n\n")[2])
    raise refusal(
        "cosignature.missing",
        f"expected a valid cosignature of {witness.name}, found none.",
        "Check that the witness's key in the settings is the one it publishes.",
    )


def _message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _malformed(expected: str, found: str) -> ManifestError:
    return refusal("cosignature.malformed", f"expected {expected}, found {found[:80]!r}.", "Fetch it again, whole.")
