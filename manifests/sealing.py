"""Personal fields under a person's key: AES-256-GCM, with a commitment to the key.

GCM does not commit to its key: whoever chooses two keys can make one box that opens under both, to different texts.
So what is sealed also names a hash of the key, and opening checks that first. Encryption and commitment use keys
derived apart from the person's key, so that the commitment helps nobody to guess it.

Records are sealed before they are numbered, so a box is bound to its log, trace, event and field, not to a number.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from manifests import canonical, strict_base64
from manifests.errors import ManifestError
from manifests.record import Record, Sealed
from manifests.refusal import refusal

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
PAD_TO: Final = 32
"""Texts are padded to a multiple of this, so that the length of a box hardly narrows down a name."""

_DOMAIN: Final = "countersign.dev/sealing/v1"
_ENCRYPTION: Final = f"{_DOMAIN}/encryption".encode()
_COMMITMENT: Final = f"{_DOMAIN}/commitment".encode()


class Place(msgspec.Struct, frozen=True):
    """Where a sealed text stands: a box opens nowhere else."""

    log: str
    trace_id: str
    event: str
    field: str


def commitment(key: bytes) -> str:
    """SHA-256 that commits to a person's key, 64 hex digits: HMAC-SHA-256 of the domain under the key, hashed again
    with the domain in front."""
    return hashlib.sha256(_COMMITMENT + b"\0" + _derived(key, _COMMITMENT)).hexdigest()


def seal(key: bytes, key_id: str, place: Place, text: str, nonce: bytes) -> Sealed:
    """``text`` sealed for this place. ``nonce`` is 12 random bytes, never used twice with one key."""
    box = encrypt(key, _context(place, key_id), _padded(text.encode()), nonce)
    return Sealed(strict_base64.encode(box), commitment(key), place.field, key_id)


def unseal(key: bytes, sealed: Sealed, place: Place) -> str:
    """The text. Raises ManifestError for another key than was committed to, another place, or an altered box."""
    if not hmac.compare_digest(commitment(key), sealed.commitment):
        raise refusal(
            "sealing.key_differs",
            f"expected the key that the record commits to ({sealed.commitment}), found another under {sealed.key}.",
            "Treat this as tampering with the table of keys: restore it from a backup.",
            sealed.field,
        )
    if place.field != sealed.field:
        raise _altered(place.field, f"the field {sealed.field}")
    padded = decrypt(key, _context(place, sealed.key), strict_base64.decode(sealed.box, "box"), sealed.field)
    try:
        return _unpadded(padded).decode()
    except ValueError as error:
        raise _altered(sealed.field, "a text that nobody here sealed") from error


def place_of(record: Record, field: str) -> Place:
    """Where a sealed field of a record stands."""
    return Place(record.log, record.trace_id, record.event, field)


def encrypt(key: bytes, context: bytes, data: bytes, nonce: bytes) -> bytes:
    """Nonce, ciphertext and tag. ``context`` is authenticated and not kept."""
    _expect(key, nonce)
    return nonce + AESGCM(_derived(key, _ENCRYPTION)).encrypt(nonce, data, context)


def decrypt(key: bytes, context: bytes, box: bytes, what: str = "") -> bytes:
    """Raises ManifestError when the box was altered or belongs elsewhere."""
    if len(box) < NONCE_BYTES + TAG_BYTES:
        raise _altered(what, f"{len(box)} bytes")
    nonce, rest = box[:NONCE_BYTES], box[NONCE_BYTES:]
    _expect(key, nonce)
    try:
        return AESGCM(_derived(key, _ENCRYPTION)).decrypt(nonce, rest, context)
    except InvalidTag:
        raise _altered(what, "one that does not open") from None


def context(*parts: str) -> bytes:
    """Bytes that no other list of parts gives, to be authenticated with what is encrypted."""
    return canonical.encode([_DOMAIN, *parts])


def _context(place: Place, key_id: str) -> bytes:
    return context("record", place.log, place.trace_id, place.event, place.field, key_id)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, "sha256")


def _expect(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError(
            f"expected a key of {KEY_BYTES} bytes and a nonce of {NONCE_BYTES}, found {len(key)} and {len(nonce)}"
        )


def _padded(data: bytes) -> bytes:
    """ISO/IEC 7816-4: a byte 0x80, then zeros."""
    return data + b"\x80" + b"\0" * (-(len(data) + 1) % PAD_TO)


def _unpadded(data: bytes) -> bytes:
    text, mark, rest = data.rpartition(b"\x80")
    if not mark or rest.strip(b"\0"):
        raise ValueError("no padding")
    return text


def _altered(field: str, found: str) -> ManifestError:
    return refusal(
        "sealing.altered",
        f"expected the box that was sealed for this place, found {found}.",
        "The record or the box was altered or moved: verify the log.",
        field,
    )
