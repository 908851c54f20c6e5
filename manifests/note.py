"""Signed notes (C2SP signed-note): a text, then one line per signature that several keys may have made.

The text ends with a line break and is followed by an empty line; a signature line is
``— <key name> base64(4-byte key id || signature)``. Ed25519 signs the text's bytes, final line break
included, and nothing else, so ``openssl pkeyutl -verify -rawin`` over the part before the empty line checks it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

import msgspec

from manifests import strict_base64
from manifests.errors import ManifestError
from manifests.keys import PrivateKey, PublicKey
from manifests.refusal import refusal

MAX_BYTES = 1024 * 1024
MAX_SIGNATURES = 100
ED25519 = b"\x01"

_MARK = "— "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_NAME = re.compile(r"[^\s+]+")
_KEY_ID = re.compile("[0-9a-f]{8}")


class VerifierKey(msgspec.Struct, frozen=True):
    """A named Ed25519 key that may sign notes."""

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
    def parse(cls, text: str) -> VerifierKey:
        """Inverse of ``encode``. Raises ManifestError for another type or a key id that does not fit."""
        name, _, rest = text.partition("+")
        key_id, _, data = rest.partition("+")
        if not _NAME.fullmatch(name) or not _KEY_ID.fullmatch(key_id):
            raise _malformed("a verifier key name+keyid+base64", text)
        raw = strict_base64.decode(data, "the verifier key")
        if raw[:1] != ED25519 or len(raw) != 33:
            raise _malformed("an Ed25519 verifier key", text)
        found = cls(name, PublicKey.from_ed25519(raw[1:]))
        if found.key_id.hex() != key_id:
            raise _malformed(f"key id {found.key_id.hex()}", text)
        return found


class NoteSignature(msgspec.Struct, frozen=True):
    """One signature line: key name, 4-byte key id, signature bytes."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A note as parsed; nothing about it is verified yet. ``text`` ends with a line break."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        lines = (
            f"{_MARK}{item.name} {strict_base64.encode(item.key_id + item.signature)}\n" for item in self.signatures
        )
        return f"{self.text}\n{''.join(lines)}".encode()


def parse(data: bytes) -> Note:
    """The note in ``data``. Raises ManifestError."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("UTF-8", repr(data[:40])) from error
    body, separator, tail = whole.rpartition("\n\n")
    if len(data) > MAX_BYTES or not separator or not tail.endswith("\n") or _CONTROL.search(whole):
        raise _malformed("a text, an empty line and signature lines", whole)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"at most {MAX_SIGNATURES} signatures", f"{len(lines)}")
    return Note(body + "\n", tuple(map(_signature, lines)))


def sign(text: str, signers: Sequence[tuple[str, PrivateKey]]) -> Note:
    """A note with one Ed25519 signature per (name, key). ``text`` must end with a line break."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise _malformed("a text that ends with a line break, without control characters", text)
    return Note(text, tuple(_sign(text.encode(), name, key) for name, key in signers))


def verified_by(note: Note, known: Iterable[VerifierKey]) -> frozenset[VerifierKey]:
    """The known keys that signed. Signatures of unknown keys are ignored (rotation, witnesses).

    Raises ManifestError if a signature that names a known key does not verify.
    """
    found = set()
    by_name = {(item.name, item.key_id): item for item in known}
    for line in note.signatures:
        verifier = by_name.get((line.name, line.key_id))
        if verifier is None:
            continue
        if not verifier.key.verify(line.signature, note.text.encode()):
            raise refusal(
                "note.signature",
                f"expected a valid signature of {line.name}, found one that does not verify.",
                "Fetch the note again; if it stays so, the note or the key list was altered.",
            )
        found.add(verifier)
    return frozenset(found)


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not _NAME.fullmatch(name):
        raise _malformed("a signature line '— name base64'", line)
    data = strict_base64.decode(encoded, "the note's signature")
    if len(data) < 5:
        raise _malformed("a key id and a signature", line)
    return NoteSignature(name, data[:4], data[4:])


def _sign(text: bytes, name: str, key: PrivateKey) -> NoteSignature:
    if key.kind != "ed25519" or not _NAME.fullmatch(name):
        raise _malformed("an Ed25519 key with a name without spaces and plus signs", f"{name} {key.kind}")
    return NoteSignature(name, VerifierKey(name, key.public).key_id, key.sign(text))


def _malformed(expected: str, found: str) -> ManifestError:
    return refusal("note.malformed", f"expected {expected}, found {found[:80]!r}.", "Fetch it again, whole.")
