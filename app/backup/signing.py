"""Which keys sign the restored logs from now on."""

from __future__ import annotations

from app.audit import store as audit
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.db.tx import Tx
from app.keys import records, steps, store
from app.keys.model import KeySet
from app.keys.records import SERVER, Withdrawal
from manifests.key_history import KeyHistory
from manifests.keys import PublicKey


def history(tx: Tx, log: str, *given: PublicKey) -> KeyHistory:
    """As the log's own records tell; ``given`` are known from elsewhere."""
    return records.history(tx, log, origin(DEFAULT_ORIGIN, log), *given)


def follow(tx: Tx, log: str) -> None:
    """After records were brought back: what they say of keys counts for the next checkpoint."""
    store.restate(tx, log, history(tx, log), records.terms(tx, log))


def replace_lost(tx: Tx, keys: KeySet, reason: str, at: int) -> None:
    """Where none of the keys that sign a log is here: end them on record, and go on with the present one.

    What they signed up to now still counts, as the log was verified with them. Raises ServerKeyError.
    """
    for log, opened in steps.open_keys(tx, "log").items():
        if any(keys.find(one.fingerprint) for one in opened):
            continue
        why = {log: Withdrawal(reason, size=audit.head(tx, log).size)}
        for one in opened:
            steps.revoke(tx, "log", one.public, keys.current.public, why, at, SERVER)
