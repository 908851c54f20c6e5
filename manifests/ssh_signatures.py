"""ECDSA signatures between DER (X.509, WebAuthn) and SSH's pair of integers (RFC 5656 section 3.1.2)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from manifests.refusal import refusal
from manifests.ssh_wire import Reader, put_mpint


def p256_from_der(der: bytes) -> bytes:
    """SSH's form of a DER signature. Raises ManifestError if it is none."""
    try:
        r, s = decode_dss_signature(der)
    except ValueError as error:
        raise refusal("ecdsa.der", f"expected a DER signature, found {der[:8].hex()}….", "Sign again.") from error
    return put_mpint(r) + put_mpint(s)


def p256_to_der(data: bytes) -> bytes:
    """DER of SSH's form. Raises ManifestError if the integers are not in their only shortest form."""
    reader = Reader(data, "ECDSA signature")
    r, s = reader.mpint(), reader.mpint()
    reader.end()
    return encode_dss_signature(r, s)
