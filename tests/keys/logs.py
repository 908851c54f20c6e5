"""Logs in memory, signed as the rules say or against them, and what a stranger reads in them."""

from __future__ import annotations

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.keys import records
from app.keys.records import SERVER, Successor, Withdrawal
from manifests import checkpoint, key_history, record
from manifests.checkpoint import Checkpoint
from manifests.key_history import KeyHistory, Signed
from manifests.keys import PrivateKey, PublicKey
from manifests.merkle import Frontier, leaf_hash
from manifests.record import Draft, Record, facts

LOG = "acme"
ORIGIN = origin(DEFAULT_ORIGIN, LOG)
KEYS = tuple(PrivateKey.generate("ed25519") for _ in range(8))


def plain() -> Draft:
    return Draft(trace_id="t", ts=0, stage="verify", event="verdict.recorded", component="gate", data=facts({}))


def rotated(old: PrivateKey, new: PrivateKey) -> Draft:
    return records.rotated("log", Successor(new.public, old.public), LOG, 0, SERVER)


def retired(key: PrivateKey) -> Draft:
    return records.retired("log", key.public, 0, SERVER)


def revoked(key: PrivateKey, size: int) -> Draft:
    return records.revoked("log", key.public, Withdrawal("leaked", size=size), 0, SERVER)


class Log:
    """Records and checkpoints, each signed by whoever the test says."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.notes: dict[int, bytes] = {}
        self._tree = Frontier()

    @property
    def size(self) -> int:
        return self._tree.size

    def add(self, *drafts: Draft, by: tuple[PrivateKey, ...] = ()) -> None:
        for draft in drafts:
            body = record.seal(draft, log=LOG, seq=self.size, tseq=0, prev=record.FIRST_PREV)
            self.records.append(record.parse(body))
            self._tree.append(leaf_hash(body))
        if by:
            self.sign(*by)

    def sign(self, *by: PrivateKey) -> None:
        text = Checkpoint(ORIGIN, self.size, self._tree.root())
        self.notes[self.size] = checkpoint.sign(text, [(ORIGIN, key) for key in by])

    def history(self, *given: PrivateKey) -> KeyHistory:
        return key_history.read(ORIGIN, [key.public for key in given], self.records)

    def believed(self, *trusted: PublicKey) -> frozenset[str]:
        """As a stranger who trusts these keys finds out."""
        history = self.history()
        signed = []
        for size, data in self.notes.items():
            verifiers = [checkpoint_key for period in history.periods for checkpoint_key in [period.key]]
            by = frozenset(key.fingerprint for key in verifiers if _signed(data, key))
            signed.append(Signed(size, by))
        return key_history.believed(history, trusted, signed)


def _signed(data: bytes, key: PublicKey) -> bool:
    from manifests import note
    from manifests.note import VerifierKey

    return bool(note.verified_by(note.parse(data), [VerifierKey(ORIGIN, key)]))
