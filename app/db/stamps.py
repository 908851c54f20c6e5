"""Stamps on staged records: the sequencer numbers, and so signs, only what a replica staged.

Whoever may write the table of staged records could otherwise have the server seal a record of their own making. The
stamp is an HMAC under a key that is derived from the log's private keys, which are not in the database.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from manifests.keys import PrivateKey

_PURPOSE = b"countersign/staged-record/v1"


class Stamps(Protocol):
    def make(self, log: str, draft: bytes) -> bytes: ...

    def hold(self, log: str, draft: bytes, stamp: bytes) -> bool:
        """Whether a replica with one of the log's keys made this stamp over exactly this."""
        ...


class KeyedStamps:
    """``keys`` answers the log's private keys, the current one first; ``reload`` looks for keys that another replica
    put in their place."""

    def __init__(self, keys: Callable[[], Sequence[PrivateKey]], reload: Callable[[], None]) -> None:
        self._keys = keys
        self._reload = reload
        self._derived: dict[str, bytes] = {}

    def make(self, log: str, draft: bytes) -> bytes:
        return _stamp(self._secret(self._keys()[0]), log, draft)

    def hold(self, log: str, draft: bytes, stamp: bytes) -> bool:
        if self._held(log, draft, stamp):
            return True
        self._reload()
        return self._held(log, draft, stamp)

    def _held(self, log: str, draft: bytes, stamp: bytes) -> bool:
        return any(hmac.compare_digest(_stamp(self._secret(key), log, draft), stamp) for key in self._keys())

    def _secret(self, key: PrivateKey) -> bytes:
        known = self._derived.get(key.public.fingerprint)
        if known is None:
            derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE)
            known = self._derived[key.public.fingerprint] = derivation.derive(key.to_pem())
        return known


class NoStamps:
    """For a database that holds nothing of worth: tests, and readers, which stage nothing."""

    def make(self, log: str, draft: bytes) -> bytes:
        return b""

    def hold(self, log: str, draft: bytes, stamp: bytes) -> bool:
        return True


def _stamp(secret: bytes, log: str, draft: bytes) -> bytes:
    return hmac.new(secret, log.encode() + b"\0" + draft, hashlib.sha256).digest()


class Strange:
    """Staged records without a stamp of ours. They are left out, looked at again every few seconds, for a replica may
    have a key that we read a moment later, and told once when they stay."""

    AGAIN_S = 5.0
    TOLD_AFTER_S = 30.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}
        self._told: set[int] = set()
        self._left_out: list[int] = []
        self._forget_at = 0.0

    def left_out(self) -> list[int]:
        """The numbers not to be looked at now."""
        if self._clock() >= self._forget_at:
            self._left_out = []
        return self._left_out

    def met(self, ids: Iterable[int]) -> None:
        for number in ids:
            self._since.setdefault(number, self._clock())
            if not self._left_out:
                self._forget_at = self._clock() + self.AGAIN_S
            self._left_out.append(number)

    def to_tell(self) -> int:
        """How many have stayed for long and were not told before; they count as told."""
        late = {number for number, since in self._since.items() if self._clock() - since >= self.TOLD_AFTER_S}
        news = late - self._told
        self._told |= news
        return len(news)
