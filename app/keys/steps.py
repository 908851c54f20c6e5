"""The steps of a key's life, each a unit of work that can be done again: what is recorded already is not told twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import text

from app.audit import store as audit
from app.db.tx import Tx
from app.keys import records, signers, store
from app.keys.errors import ServerKeyError
from app.keys.model import KINDS, SYSTEM, KeySet, KeyUse
from app.keys.records import SERVER, Successor, Withdrawal
from app.keys.store import LogKey
from manifests.keys import PublicKey

_SINCE = text("SELECT MIN(seq) AS seq FROM records WHERE log = :log AND at >= :since")

Sizes = Callable[[Tx, str], int]


def open_keys(tx: Tx, use: KeyUse) -> dict[str, list[LogKey]]:
    """The logs that have begun and the keys that are in use there, oldest first; none where none was told."""
    return {log: [key for key in keys if not key.ended] for log, keys in store.of_use(tx, use).items()}


def record_first(tx: Tx, current: Mapping[KeyUse, PublicKey], at: int) -> None:
    """Name in the system log the keys that were there first."""
    told = records.of_keys(tx, SYSTEM)
    for use in KINDS:
        if not any(records.data_of(one).use == use for one in told):
            tx.stage(SYSTEM, records.created(use, current[use], at))


def expect_signers(tx: Tx, keys: KeySet) -> None:
    """Raises ServerKeyError if there is a log whose keys are not here: it could not be written."""
    for log, opened in open_keys(tx, "log").items():
        if opened and not any(keys.find(one.fingerprint) for one in opened):
            raise signers.missing(log, [one.fingerprint for one in opened], keys.current)


def introduce(tx: Tx, use: KeyUse, keys: KeySet, at: int, by: str) -> None:
    """Tell every log of the newest key, under the signature of the one it replaces."""
    new = (keys.next or keys.current).public
    told = store.of_use(tx, use)
    # The gate's key is told where it changes: a log that has no word of it is about the first one.
    if use == "gate" and (SYSTEM not in told or any(_is_open(one, new) for one in told[SYSTEM])):
        return
    for log, known in told.items():
        opened = [one for one in known if not one.ended]
        if any(_is_open(one, new) for one in opened) or (not opened and new == keys.current.public):
            continue
        if any(one.fingerprint == new.fingerprint for one in known):
            raise ServerKeyError(
                f"expected a {use} key that was never ended, found {new.fingerprint}, which log {log} says was; "
                "give another one"
            )
        old = _old(use, log, opened or [one for one in told.get(SYSTEM, []) if not one.ended], keys)
        tx.stage(log, records.rotated(use, Successor(new, old), log, at, by))


def retire(tx: Tx, use: KeyUse, keys: KeySet, over: bool, at: int, by: str = SERVER) -> None:
    """End the previous key where its overlap is ``over``, and older keys whose private part is not here any more."""
    for log, opened in open_keys(tx, use).items():
        newest = [place for place, one in enumerate(opened) if one.fingerprint == keys.current.public.fingerprint]
        for one in opened[: newest[0]] if newest else []:
            held = keys.find(one.fingerprint)
            if held is None or (over and keys.previous is not None and held.public == keys.previous.public):
                tx.stage(log, records.retired(use, held.public if held else one.public, at, by))


def revoke(
    tx: Tx, use: KeyUse, key: PublicKey, new: PublicKey, why: Mapping[str, Withdrawal], at: int, by: str
) -> None:
    """End a key in every log of ``why``, and put ``new`` in its place where it still signs."""
    opened = open_keys(tx, use)
    for log, withdrawal in why.items():
        names = [one.fingerprint for one in opened[log]]
        if new.fingerprint not in names and key.fingerprint in names:
            tx.stage(log, records.rotated(use, Successor(new, key, unvouched=True), log, at, by))
        tx.stage(log, records.revoked(use, key, withdrawal, at, by))


def concerned(tx: Tx, use: KeyUse, key: PublicKey) -> tuple[str, ...]:
    """The logs that the key signs or signed; for a key of the gate all of them."""
    told = store.of_use(tx, use)
    if use == "gate":
        return tuple(told)
    return tuple(log for log, known in told.items() if any(one.fingerprint == key.fingerprint for one in known))


def size_since(since: int) -> Sizes:
    """How many records a log had at an instant: those before the first that is not older."""

    def count(tx: Tx, log: str) -> int:
        row = tx.first(_SINCE, log=log, since=since)
        return int(row.seq) if row is not None and row.seq is not None else audit.head(tx, log).size

    return count


def _is_open(one: LogKey, key: PublicKey) -> bool:
    return not one.ended and one.fingerprint == key.fingerprint


def _old(use: KeyUse, log: str, opened: Sequence[LogKey], keys: KeySet) -> PublicKey:
    """The key that the new one replaces. Of the log's keys only one that is here can vouch for its successor."""
    held = [found.public for one in opened if (found := keys.find(one.fingerprint)) is not None]
    if held:
        return held[-1]
    if use == "log" and opened:
        raise signers.missing(log, [one.fingerprint for one in opened], keys.current)
    return opened[-1].public if opened else keys.current.public


def expect_reason(reason: str) -> str:
    if not reason.strip() or len(reason) > 500:
        raise ServerKeyError("expected a reason of 1 to 500 characters: it stands in the log for good")
    return reason.strip()
