"""Which keys sign the restored logs from now on."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import store
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.db.tx import Tx
from app.keys import records, signers, steps
from app.keys.model import KeySet
from app.keys.records import SERVER, Withdrawal
from app.tenants.model import SYSTEM
from manifests.key_history import KeyHistory
from manifests.keys import PublicKey

_SIGNS = text(
    "INSERT INTO log_signers (log, fingerprint, ended) VALUES (:log, :fingerprint, :ended) "
    "ON CONFLICT (log, fingerprint) DO UPDATE SET ended = excluded.ended"
)


def history(tx: Tx, log: str, *given: PublicKey) -> KeyHistory:
    """As the log's own records tell; ``given`` are known from elsewhere."""
    return records.history(tx, log, origin(DEFAULT_ORIGIN, log), *given)


def follow(tx: Tx, log: str) -> None:
    """After records were brought back: what they say of keys counts for the next checkpoint."""
    for period in history(tx, log).periods:
        tx.run(_SIGNS, log=log, fingerprint=period.key.fingerprint, ended=int(period.last is not None))


def replace_lost(tx: Tx, keys: KeySet, known: tuple[PublicKey, ...], reason: str, at: int) -> None:
    """Where none of the keys that sign a log is here: end them on record, and go on with the present one.

    What they signed up to now still counts, as the log was verified with them. Raises ServerKeyError for a key that
    nobody can name.
    """
    public = {key.fingerprint: key for key in known}
    for log, names in steps.open_keys(tx, "log").items():
        if not names or any(keys.find(name) for name in names):
            continue
        public |= {name: key for name, (key, _) in records.named(tx, SYSTEM, "log").items()}
        for name in names:
            if name not in public:
                raise signers.missing(log, [name], keys.current)
            why = {log: Withdrawal(reason, size=store.head(tx, log).size)}
            steps.revoke(tx, "log", public[name], keys.current.public, why, at, SERVER)
