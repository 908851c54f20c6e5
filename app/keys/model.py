"""The server's own keys: one signs the gate's answers, one the checkpoints of the logs."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.tenants.model import SYSTEM
from manifests.key_history import Use
from manifests.keys import KeyKind, PrivateKey, PublicKey
from manifests.note import VerifierKey

KeyUse = Use
KINDS: Final[dict[KeyUse, KeyKind]] = {"gate": "ecdsa-p256", "log": "ed25519"}
KeyState = Literal["current", "next", "previous", "archived", "revoked"]

__all__ = [
    "KINDS", "SYSTEM", "KeySet", "KeyState", "KeyUse", "LogPeriod", "PublicServerKey", "PublicServerKeys",
    "ServerKeys", "vkey",
]  # fmt: skip


class KeySet(msgspec.Struct, frozen=True):
    """The keys of one use: ``current`` signs; ``next`` is to follow it, ``previous`` is being replaced by it."""

    current: PrivateKey
    next: PrivateKey | None = None
    previous: PrivateKey | None = None

    def all(self) -> tuple[PrivateKey, ...]:
        return tuple(key for key in (self.current, self.next, self.previous) if key is not None)

    def find(self, fingerprint: str) -> PrivateKey | None:
        return next((key for key in self.all() if key.public.fingerprint == fingerprint), None)


class ServerKeys(msgspec.Struct, frozen=True):
    """The gate's keys (P-256) sign verification summaries, the log's (Ed25519) checkpoints."""

    gates: KeySet
    logs: KeySet

    @property
    def gate(self) -> PrivateKey:
        return self.gates.current

    @property
    def log(self) -> PrivateKey:
        return self.logs.current

    def of(self, use: KeyUse) -> KeySet:
        return self.gates if use == "gate" else self.logs


class LogPeriod(msgspec.Struct, frozen=True):
    """The sizes of a log that a key may sign, ``last`` None: still; above ``counts_to`` its signatures were revoked."""

    log: str
    vkey: str
    first: int
    last: int | None = None
    counts_to: int | None = None


class PublicServerKey(msgspec.Struct, frozen=True):
    """One public key, in every form a verifier may ask for. ``vkeys`` name it per log (C2SP signed-note), and
    ``periods`` say what it may sign there. Of a key of the gate: in use from ``since`` to ``until``, void from
    ``void_from`` on; microseconds since 1970 UTC."""

    use: KeyUse
    kind: KeyKind
    fingerprint: str
    pem: str
    openssh: str
    state: KeyState = "current"
    vkeys: tuple[str, ...] = ()
    periods: tuple[LogPeriod, ...] = ()
    since: int | None = None
    until: int | None = None
    void_from: int | None = None


class PublicServerKeys(msgspec.Struct, frozen=True):
    """The keys in use come first, then those that were, newest first."""

    keys: tuple[PublicServerKey, ...]


def vkey(key: PublicKey, log: str, origin_prefix: str = DEFAULT_ORIGIN) -> str:
    """An Ed25519 key as a C2SP verifier key, under the log's name."""
    return VerifierKey(origin(origin_prefix, log), key).encode()
