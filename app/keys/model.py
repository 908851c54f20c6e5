"""The server's own keys: one signs the gate's answers, one the checkpoints of the logs."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.tenants.registry import SYSTEM
from manifests.keys import KeyKind, PrivateKey
from manifests.note import VerifierKey

KeyUse = Literal["gate", "log"]
KINDS: Final[dict[KeyUse, KeyKind]] = {"gate": "ecdsa-p256", "log": "ed25519"}


__all__ = ["KINDS", "SYSTEM", "KeyUse", "PublicServerKey", "PublicServerKeys", "ServerKeys", "public"]


class ServerKeys(msgspec.Struct, frozen=True):
    """``gate`` (P-256) signs verification summaries, ``log`` (Ed25519) signs checkpoints."""

    gate: PrivateKey
    log: PrivateKey

    def vkey(self, log: str, origin_prefix: str = DEFAULT_ORIGIN) -> str:
        """The log key as a C2SP verifier key, under the log's name."""
        return VerifierKey(origin(origin_prefix, log), self.log.public).encode()


class PublicServerKey(msgspec.Struct, frozen=True):
    """One public key, in every form a verifier may ask for. ``vkeys`` name it per log (C2SP signed-note)."""

    use: KeyUse
    kind: KeyKind
    fingerprint: str
    pem: str
    openssh: str
    vkeys: tuple[str, ...] = ()


class PublicServerKeys(msgspec.Struct, frozen=True):
    keys: tuple[PublicServerKey, ...]


def public(keys: ServerKeys, logs: tuple[str, ...], origin_prefix: str = DEFAULT_ORIGIN) -> PublicServerKeys:
    """What anybody may know, for the logs named."""
    vkeys = tuple(keys.vkey(log, origin_prefix) for log in logs)
    return PublicServerKeys((_public("gate", keys.gate, ()), _public("log", keys.log, vkeys)))


def _public(use: KeyUse, key: PrivateKey, vkeys: tuple[str, ...]) -> PublicServerKey:
    return PublicServerKey(
        use,
        key.kind,
        key.public.fingerprint,
        key.public.to_pem().decode(),
        key.public.to_openssh(f"countersign-{use}"),
        vkeys,
    )
