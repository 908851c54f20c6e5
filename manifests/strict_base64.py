"""Base64 (RFC 4648 sections 4 and 5) that refuses what the standard library silently drops.

``base64.b64decode`` skips characters outside the alphabet, so two texts could carry one signature.
"""

from __future__ import annotations

import base64
import binascii

from manifests.errors import ManifestError
from manifests.refusal import refusal


def decode(text: str, what: str) -> bytes:
    """Bytes of padded standard or URL-safe base64; ``what`` names the field in the error.

    Refuses other characters, both alphabets in one text, wrong padding and non-zero spare bits.
    """
    standard = text if text.isascii() else "?"
    if ("-" in text or "_" in text) and "+" not in text and "/" not in text:
        standard = standard.replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_base64(what, text) from error
    if base64.b64encode(data).decode() != standard:
        raise _not_base64(what, text)
    return data


def encode(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def encode_url_unpadded(data: bytes) -> str:
    """URL-safe base64 without padding, as WebAuthn writes it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _not_base64(what: str, text: str) -> ManifestError:
    return refusal(
        "base64.malformed",
        f"expected {what} as padded base64, found {text[:40]!r}.",
        "Encode the bytes again with standard or URL-safe base64, with padding and without line breaks.",
    )
