"""The steps of a key's life, each a unit of work that can be done again: what is recorded already is not told twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import text

from app.audit import store
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.db.tx import Tx
from app.keys import records, signers
from app.keys.errors import ServerKeyError
from app.keys.model import KINDS, SYSTEM, KeySet, KeyUse
from app.keys.records import SERVER, Successor, Withdrawal
from manifests.keys import PublicKey

_SINCE = text("SELECT MIN(seq) AS seq FROM records WHERE log = :log AND at >= :since")

Open = dict[str, list[str]]
"""By log, the fingerprints of the keys in use there, oldest first."""

Sizes = Callable[[Tx, str], int]


def open_keys(tx: Tx, use: KeyUse) -> Open:
    """The logs that have begun and the keys that are in use there; none where none was told."""
    return {log: _open(tx, use, log) for log in signers.begun(tx)}


def record_first(tx: Tx, current: Mapping[KeyUse, PublicKey], at: int) -> None:
    """Name in the system log the keys that were there first."""
    for use in KINDS:
        if not records.named(tx, SYSTEM, use):
            tx.stage(SYSTEM, records.created(use, current[use], at))


def expect_signers(tx: Tx, keys: KeySet) -> None:
    """Raises ServerKeyError if there is a log whose keys are not here: it could not be written."""
    for log, names in open_keys(tx, "log").items():
        if names and not any(keys.find(name) for name in names):
            raise signers.missing(log, names, keys.current)


def introduce(tx: Tx, use: KeyUse, keys: KeySet, at: int, by: str) -> None:
    """Tell every log of the newest key, under the signature of the one it replaces."""
    new = (keys.next or keys.current).public
    opened = open_keys(tx, use)
    if use == "gate" and new.fingerprint in opened.get(SYSTEM, [new.fingerprint]):
        return
    for log, names in opened.items():
        if new.fingerprint in names or (not names and new == keys.current.public):
            continue
        if new.fingerprint in records.named(tx, log, use):
            raise ServerKeyError(
                f"expected a {use} key that was never ended, found {new.fingerprint}, which log {log} says was; "
                "give another one"
            )
        tx.stage(log, records.rotated(use, Successor(new, _old(tx, use, log, names, keys)), log, at, by))


def retire(tx: Tx, use: KeyUse, keys: KeySet, over: bool, at: int, by: str = SERVER) -> None:
    """End the previous key where its overlap is ``over``, and older keys whose private part is not here any more."""
    current = keys.current.public.fingerprint
    for log, names in open_keys(tx, use).items():
        if current not in names:
            continue
        known = records.named(tx, log, use) | records.named(tx, SYSTEM, use)
        for name in names[: names.index(current)]:
            held = keys.find(name)
            if held is None or (over and keys.previous is not None and held.public == keys.previous.public):
                tx.stage(log, records.retired(use, held.public if held else known[name][0], at, by))


def revoke(
    tx: Tx, use: KeyUse, key: PublicKey, new: PublicKey, why: Mapping[str, Withdrawal], at: int, by: str
) -> None:
    """End a key in every log of ``why``, and put ``new`` in its place where it still signs."""
    opened = open_keys(tx, use)
    for log, withdrawal in why.items():
        names = opened[log]
        if new.fingerprint not in names and key.fingerprint in names:
            tx.stage(log, records.rotated(use, Successor(new, key, unvouched=True), log, at, by))
        tx.stage(log, records.revoked(use, key, withdrawal, at, by))


def concerned(tx: Tx, use: KeyUse, key: PublicKey) -> tuple[str, ...]:
    """The logs that the key signs or signed; for a key of the gate all of them."""
    opened = open_keys(tx, use)
    if use == "gate":
        return tuple(opened)
    name = key.fingerprint
    return tuple(log for log, names in opened.items() if name in names or name in records.named(tx, log, use))


def size_since(since: int) -> Sizes:
    """How many records a log had at an instant: those before the first that is not older."""

    def count(tx: Tx, log: str) -> int:
        row = tx.first(_SINCE, log=log, since=since)
        return int(row.seq) if row is not None and row.seq is not None else store.head(tx, log).size

    return count


def _open(tx: Tx, use: KeyUse, log: str) -> list[str]:
    if use == "gate":
        return [term.key.fingerprint for term in records.terms(tx, log) if term.until is None]
    told = [period.key.fingerprint for period in records.history(tx, log, origin(DEFAULT_ORIGIN, log)).periods]
    return sorted(signers.signing(tx, log), key=lambda name: told.index(name) if name in told else -1)


def _old(tx: Tx, use: KeyUse, log: str, names: Sequence[str], keys: KeySet) -> PublicKey:
    """The key that the new one replaces. Of the log's keys only one that is here can vouch for its successor."""
    held = [found.public for name in names if (found := keys.find(name)) is not None]
    if held:
        return held[-1]
    if use == "gate":
        known = records.named(tx, SYSTEM, use)
        gone = [name for name in _open(tx, use, SYSTEM) if name in known]
        return known[gone[-1]][0] if gone else keys.current.public
    if names:
        raise signers.missing(log, names, keys.current)
    return keys.current.public


def expect_reason(reason: str) -> str:
    if not reason.strip() or len(reason) > 500:
        raise ServerKeyError("expected a reason of 1 to 500 characters: it stands in the log for good")
    return reason.strip()
