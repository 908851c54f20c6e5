"""The keys of a log's checkpoints that go with an export: those in use, and those whose time is over."""

from __future__ import annotations

import msgspec

from app.audit.errors import TreeAlteredError
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.audit.store import StoredCheckpoint
from app.db.tx import Tx
from app.exports.errors import ExportError
from app.keys import records
from manifests import note
from manifests.errors import ManifestError
from manifests.key_history import KeyHistory
from manifests.note import VerifierKey


class LogKeys(msgspec.Struct, frozen=True):
    """``told`` is what the log itself says of its keys."""

    told: KeyHistory

    @property
    def given_out(self) -> tuple[VerifierKey, ...]:
        """Not one that was revoked: who has it could sign anything, and verifiers know no sizes."""
        kept = (period for period in self.told.periods if period.counts_to is None)
        return tuple(VerifierKey(self.told.origin, period.key) for period in kept)

    def signers(self, stored: StoredCheckpoint) -> tuple[VerifierKey, ...]:
        """Those that are given out, may sign a checkpoint of this size, and are named by a signature, which is not
        verified here. Raises TreeAlteredError."""
        acceptable = self.told.acceptable(stored.size)
        try:
            named = {(line.name, line.key_id) for line in note.parse(stored.note.encode()).signatures}
        except ManifestError as error:
            raise TreeAlteredError(self.told.origin, f"checkpoint {stored.size}: {error}") from error
        return tuple(key for key in self.given_out if key in acceptable and (key.name, key.key_id) in named)


def of_log(tx: Tx, log: str, given: tuple[VerifierKey, ...]) -> LogKeys:
    """``given`` are keys that are known to be the log's. Raises ExportError if there is none among what the log tells,
    RecordAlteredError."""
    name = origin(DEFAULT_ORIGIN, log)
    ours = [key.key for key in given if key.name == name]
    try:
        told = records.history(tx, log, name)
        if not told.periods:
            told = records.history(tx, log, name, *ours)
    except ManifestError as error:
        raise ExportError(f"log {log}: {error}") from error
    if not any(told.period(key.fingerprint) for key in ours):
        found = f"{len(ours)} that the log does not know" if ours else "none"
        raise ExportError(f"expected a key that signs checkpoints of {name}, found {found}; give it with --key")
    return LogKeys(told)
