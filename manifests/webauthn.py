"""What a passkey's assertion must say before it counts as an SSH signature.

Rules: WebAuthn Level 3 section 7.2 (type, challenge, origin, crossOrigin, topOrigin) and OpenSSH's
``webauthn_check_prepare_hash``, which compares the beginning of clientDataJSON with a fixed text. Holding
both means that whatever is accepted here is accepted by ``ssh-keygen -Y verify`` too.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from manifests import strict_base64, strict_json
from manifests.errors import ManifestError
from manifests.refusal import refusal
from manifests.ssh_signatures import p256_from_der
from manifests.ssh_wire import put_string

SIGNATURE_TYPE: Final = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"

_ATTESTED_DATA = 0x40
_EXTENSION_DATA = 0x80
_RP_ID_HASH = 32
_FIXED = 37
_MAX_CLIENT_DATA = 8 * 1024


class Assertion(msgspec.Struct, frozen=True):
    """What ``navigator.credentials.get`` returned: raw bytes; ``signature`` is DER."""

    client_data: bytes
    authenticator_data: bytes
    signature: bytes


class _ClientData(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    challenge: str
    origin: str
    cross_origin: bool = False
    top_origin: str | None = None


def to_signature(assertion: Assertion) -> bytes:
    """The assertion as the signature field of an SSHSIG. Raises ManifestError if it cannot be one."""
    data = assertion.authenticator_data
    if len(data) < _FIXED:
        raise _refused(f"expected at least {_FIXED} bytes of authenticator data, found {len(data)}.")
    client = strict_json.read(assertion.client_data, _ClientData, "clientDataJSON", limit=_MAX_CLIENT_DATA)
    return b"".join(
        (
            put_string(SIGNATURE_TYPE.encode()),
            put_string(p256_from_der(assertion.signature)),
            data[_RP_ID_HASH:_FIXED],
            put_string(client.origin.encode()),
            put_string(assertion.client_data),
            put_string(data[_FIXED:]),
        )
    )


def check(
    client_data: bytes,
    challenge: bytes,
    origin: str,
    origins: Collection[str],
    flags: int,
    extensions: bytes,
) -> None:
    """Raises ManifestError unless the browser was asked exactly ``challenge`` by a page in ``origins``."""
    client = strict_json.read(client_data, _ClientData, "clientDataJSON", limit=_MAX_CLIENT_DATA)
    expected = strict_base64.encode_url_unpadded(challenge)
    if client.type != "webauthn.get" or client.challenge != expected:
        raise _refused("expected an assertion over this statement, found one over something else.")
    if client.origin != origin or origin not in origins:
        raise _refused(f"expected a page of {sorted(origins)}, found {client.origin!r}.")
    if client.cross_origin or client.top_origin is not None:
        raise _refused("expected an assertion on our own page, found one inside another site's frame.")
    start = f'{{"type":"webauthn.get","challenge":"{expected}","origin":"{origin}"'
    if '"' in origin or not client_data.startswith(start.encode()):
        raise _refused("expected clientDataJSON in the order of the specification, found another.")
    if flags & _ATTESTED_DATA or bool(flags & _EXTENSION_DATA) != bool(extensions):
        raise _refused(f"expected authenticator flags that fit the data, found 0x{flags:02x}.")


def _refused(message: str) -> ManifestError:
    return refusal("webauthn.refused", message, "Open the approval page again and approve there.")
