"""Signed statements as bytes: a DSSE envelope whose signature is the SSH signature, armored as ssh-keygen wrote it."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from app.signatures.errors import StatementRefusedError
from manifests import dsse, sshsig, statement
from manifests.errors import ManifestError
from manifests.refusal import refusal
from manifests.sshsig import SshSignature
from manifests.statement import Consent


class SignedStatement(msgspec.Struct, frozen=True):
    """A statement and the verified signature over it."""

    consent: Consent
    signature: SshSignature


def expect_signed(consent: Consent, armored: str, origins: Collection[str] = ()) -> SignedStatement:
    """The statement with its signature. Raises ManifestError or StatementRefusedError unless the key that it names
    signed exactly it, for our namespace, and a security key was touched for it."""
    signature = sshsig.verify(armored, statement.signed_message(consent.payload), origins=origins)
    if signature.fingerprint != consent.predicate.key:
        raise StatementRefusedError(
            "statement.key", f"a signature with {consent.predicate.key}", f"one with {signature.fingerprint}",
            "Sign with the key that the statement names, or fetch one for the other key.",
        )  # fmt: skip
    if signature.application is not None and not signature.user_present:
        raise StatementRefusedError(
            "statement.touch", "a security key that was touched", "a signature made without touching it",
            "Use a key made without the option no-touch-required.",
        )  # fmt: skip
    return SignedStatement(consent, signature)


def write(signed: SignedStatement, armored: str) -> bytes:
    """The envelope. Its signature's bytes are a file that `ssh-keygen -Y verify` reads."""
    lines = [line.strip() for line in armored.strip().splitlines()]
    text = "\n".join((*lines, ""))
    signature = dsse.Signature(signed.signature.fingerprint, text.encode(), signed.signature.public_key)
    return dsse.encode(dsse.Envelope(dsse.IN_TOTO, signed.consent.payload, (signature,)))


def read(envelope: bytes, origins: Collection[str] = ()) -> SignedStatement:
    """The verified statement in a stored envelope. Raises ManifestError or StatementRefusedError."""
    parsed = dsse.parse(envelope)
    if parsed.payload_type != dsse.IN_TOTO or len(parsed.signatures) != 1:
        raise refusal(
            "statement.envelope",
            f"expected one signature over {dsse.IN_TOTO}, found {len(parsed.signatures)} over {parsed.payload_type}.",
            "Run `countersign audit verify`.",
        )
    only = parsed.signatures[0]
    try:
        armored = only.sig.decode("ascii")
    except UnicodeDecodeError as error:
        raise _no_armor() from error
    signed = expect_signed(statement.parse(parsed.payload), armored, origins)
    if only.keyid != signed.signature.fingerprint:
        raise refusal(
            "statement.keyid", f"expected keyid {signed.signature.fingerprint}, found {only.keyid!r}.",
            "Run `countersign audit verify`.",
        )  # fmt: skip
    return signed


def payload_of(envelope: bytes) -> bytes:
    """The bytes that a stored envelope's signature covers."""
    return dsse.parse(envelope).payload


def _no_armor() -> ManifestError:
    return refusal(
        "statement.armor", "expected an armored SSH signature, found other bytes.", "Run `countersign audit verify`."
    )
