"""DSSE v1 envelopes (secure-systems-lab/dsse protocol.md and envelope.md).

The stored payload bytes are what was signed; nobody serialises them again to verify.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from manifests import canonical, strict_base64, strict_json
from manifests.errors import ManifestError
from manifests.keys import PrivateKey, PublicKey
from manifests.refusal import refusal

IN_TOTO = "application/vnd.in-toto+json"
MAX_SIGNATURES = 32


class Signature(msgspec.Struct, frozen=True):
    """One signature. ``keyid`` is an unauthenticated hint. ``public_key`` (an OpenSSH line) is an extension
    that lets a reader who knows only a fingerprint verify; it makes nothing trusted."""

    keyid: str
    sig: bytes
    public_key: str | None = None


class Envelope(msgspec.Struct, frozen=True):
    """A payload, its type and at least one signature."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


class _WireSignature(msgspec.Struct, frozen=True, omit_defaults=True):
    sig: str
    keyid: str | None = None
    public_key: str | None = None


class _WireEnvelope(msgspec.Struct, frozen=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: tuple[_WireSignature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse(data: bytes, *, limit: int = strict_json.MAX_BYTES) -> Envelope:
    """The envelope in ``data``. Raises ManifestError; unknown fields are ignored, as DSSE asks."""
    wire = strict_json.read(data, _WireEnvelope, "DSSE envelope", limit=limit)
    if not 1 <= len(wire.signatures) <= MAX_SIGNATURES:
        raise refusal(
            "dsse.signatures",
            f"expected 1 to {MAX_SIGNATURES} signatures, found {len(wire.signatures)}.",
            "Sign the envelope, or keep only the signatures that count.",
        )
    signatures = tuple(
        Signature(item.keyid or "", strict_base64.decode(item.sig, "signatures[].sig"), item.public_key)
        for item in wire.signatures
    )
    return Envelope(wire.payload_type, strict_base64.decode(wire.payload, "payload"), signatures)


def encode(envelope: Envelope) -> bytes:
    """Canonical JSON of an envelope; ``parse`` gives it back."""
    signatures = tuple(
        _WireSignature(strict_base64.encode(item.sig), item.keyid or None, item.public_key)
        for item in envelope.signatures
    )
    payload = strict_base64.encode(envelope.payload)
    return canonical.encode(_WireEnvelope(payload, envelope.payload_type, signatures))


def sign(payload_type: str, payload: bytes, keys: Sequence[PrivateKey], *, carry_public_key: bool = False) -> Envelope:
    """A new envelope signed with every key; keyid is the OpenSSH fingerprint."""
    message = pae(payload_type, payload)
    signatures = tuple(
        Signature(
            key.public.fingerprint,
            key.sign(message),
            key.public.to_openssh() if carry_public_key else None,
        )
        for key in keys
    )
    return Envelope(payload_type, payload, signatures)


def verified_signers(envelope: Envelope, keys: Iterable[PublicKey]) -> frozenset[str]:
    """Fingerprints of all keys with a valid signature, from ``keys`` and from those the envelope carries.

    A carried key proves only who signed; the caller must look the fingerprint up among those it trusts.
    """
    message = pae(envelope.payload_type, envelope.payload)
    known = tuple(keys)
    return frozenset(
        key.fingerprint
        for signature in envelope.signatures
        for key in {*known, *_carried(signature)}
        if key.verify(signature.sig, message)
    )


def _carried(signature: Signature) -> tuple[PublicKey, ...]:
    """The carried key; one that cannot be read verifies nothing, so it is left out."""
    if signature.public_key is None:
        return ()
    try:
        return (PublicKey.from_openssh(signature.public_key),)
    except ManifestError:
        return ()
