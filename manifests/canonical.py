"""Canonical bytes (RFC 8785) and their SHA-256.

Everything that is hashed or signed here is made of objects, arrays, strings, booleans, null and integers
below 2^53. Floats are refused: their text differs between writers. Keys that are not ASCII are refused
too, because RFC 8785 orders keys by UTF-16 and most encoders by UTF-8; for ASCII both orders agree.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

MAX_INTEGER = 2**53 - 1

_encoder = msgspec.json.Encoder(order="sorted")


class NotCanonicalError(ValueError):
    """The value has no canonical form here: a float, a huge integer or a key that is not ASCII."""


def encode(value: Any) -> bytes:
    """Canonical JSON bytes of a struct, mapping, sequence, string, boolean, null or integer.

    Raises NotCanonicalError for floats, integers of 2^53 and above, and keys that are not ASCII.
    """
    plain = msgspec.to_builtins(value)
    _check(plain)
    return _encoder.encode(plain)


def digest(value: Any) -> str:
    """SHA-256 of the canonical bytes, 64 lower-case hexadecimal characters."""
    return sha256_hex(encode(value))


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _check(value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise NotCanonicalError(f"expected ASCII text as a key, found {key!r}")
            _check(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(item)
    elif isinstance(value, float):
        raise NotCanonicalError(f"expected no floating-point number, found {value!r}; write it as text")
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        raise NotCanonicalError(f"expected an integer below 2^53, found {value}")
