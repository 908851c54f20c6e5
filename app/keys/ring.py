"""The server's private keys as they are now. The one thing here that changes: rotation puts other keys in."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.clock import Clock
from app.keys import files
from app.keys.model import KINDS, KeySet, KeyUse, ServerKeys, vkey
from app.settings.model import KeySettings
from manifests.keys import PrivateKey
from manifests.note import VerifierKey


class OwnKeys(Collection[str]):
    """The fingerprints of the server's keys as they are at each moment."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def __contains__(self, fingerprint: object) -> bool:
        return fingerprint in set(self)

    def __iter__(self) -> Iterator[str]:
        ring = self._ring
        for use in KINDS:
            yield from (key.public.fingerprint for key in ring.of(use).all())
            yield from (key.fingerprint for key in ring.directory.archived(use))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class KeyRing:
    """Keys that the settings give stay as they were at start; those in files are read again by ``reload``."""

    def __init__(self, settings: KeySettings, keys: ServerKeys) -> None:
        self._settings = settings
        self._keys = keys
        self.directory = files.directory(settings)
        self._stamp = self.directory.stamp()
        self.given = frozenset(use for use in KINDS if settings.places(use))

    @classmethod
    def open(cls, settings: KeySettings, clock: Clock | None = None) -> KeyRing:
        """Reads or makes the keys. Raises ServerKeyError."""
        if clock is not None:
            files.directory(settings).sweep(clock())
        return cls(settings, files.load(settings))

    @property
    def gate(self) -> PrivateKey:
        """The key that signs the gate's answers."""
        return self._keys.gate

    def gate_key(self) -> PrivateKey:
        """The same, for who asks at each signature."""
        return self.gate

    @property
    def log(self) -> PrivateKey:
        """The key that signs checkpoints, the newer one while two do."""
        return self._keys.log

    @property
    def keys(self) -> ServerKeys:
        """All of them as they are at this moment."""
        return self._keys

    def of(self, use: KeyUse) -> KeySet:
        return self._keys.of(use)

    def find(self, use: KeyUse, fingerprint: str) -> PrivateKey | None:
        """Looks into the files again for a key that another process may have put there."""
        found = self.of(use).find(fingerprint)
        if found is None and use not in self.given:
            self.reload()
            found = self.of(use).find(fingerprint)
        return found

    def reload(self) -> None:
        """Put in what is in the files now. Nothing is read while they are as they were: opening an encrypted key takes
        milliseconds. Raises ServerKeyError."""
        stamp = self.directory.stamp()
        if stamp == self._stamp:
            return
        sets = {use: self.of(use) if use in self.given else files.read_set(self.directory, use) for use in KINDS}
        self._keys = ServerKeys(sets["gate"], sets["log"])
        self._stamp = stamp

    def verifiers(self, log: str, origin_prefix: str = DEFAULT_ORIGIN) -> list[VerifierKey]:
        """The keys whose signatures the newest checkpoint of a log has, one of them at least; the current one first."""
        return [VerifierKey(origin(origin_prefix, log), key.public) for key in self.of("log").all()]

    def vkey(self, log: str, origin_prefix: str = DEFAULT_ORIGIN) -> str:
        """The log key as a C2SP verifier key, under the log's name."""
        return vkey(self.log.public, log, origin_prefix)
