"""The records that tell the life of a server's key; ``manifests.key_history`` says what they mean."""

from __future__ import annotations

import msgspec

from app.audit import store
from app.db.tx import Tx
from app.keys.model import SYSTEM, KeyUse, vkey
from manifests import key_history, key_times
from manifests.key_history import RESOURCE, KeyFacts, KeyHistory
from manifests.key_times import Term
from manifests.keys import PublicKey
from manifests.record import Draft, Record, facts
from manifests.vocabulary import Event

SERVER = "service:countersign"


class Successor(msgspec.Struct, frozen=True):
    """A new key and the one it replaces. ``unvouched``: the old one was lost or leaked."""

    new: PublicKey
    old: PublicKey
    unvouched: bool = False


class Withdrawal(msgspec.Struct, frozen=True):
    """Why a key's signatures count no longer, of the log above ``size``, of the gate from ``since`` on."""

    reason: str
    size: int | None = None
    since: int | None = None


def created(use: KeyUse, key: PublicKey, at: int) -> Draft:
    found = KeyFacts(kind=key.kind, public_key=key.to_openssh(), use=use)
    return _draft("key.created", key, found, at, SERVER, after=key.fingerprint)


def rotated(use: KeyUse, one: Successor, log: str, at: int, by: str) -> Draft:
    found = KeyFacts(
        kind=one.new.kind, public_key=one.new.to_openssh(), use=use, vkey=vkey(one.new, log) if use == "log" else "",
        replaces=one.old.fingerprint, replaces_key=one.old.to_openssh(), unvouched=one.unvouched,
    )  # fmt: skip
    return _draft("key.rotated", one.new, found, at, by, before=one.old.fingerprint, after=one.new.fingerprint)


def retired(use: KeyUse, key: PublicKey, at: int, by: str) -> Draft:
    found = KeyFacts(kind=key.kind, public_key=key.to_openssh(), use=use)
    return _draft("key.retired", key, found, at, by, before=key.fingerprint)


def revoked(use: KeyUse, key: PublicKey, why: Withdrawal, at: int, by: str) -> Draft:
    found = KeyFacts(
        kind=key.kind, public_key=key.to_openssh(), use=use, size=why.size, since=why.since, reason=why.reason
    )
    return _draft("key.revoked", key, found, at, by, before=key.fingerprint)


def of_keys(tx: Tx, log: str) -> tuple[Record, ...]:
    """What a log tells of the server's keys, oldest first. Raises RecordAlteredError."""
    return store.records_of(tx, log, RESOURCE)


def history(tx: Tx, log: str, origin: str, *given: PublicKey) -> KeyHistory:
    """The keys of a log's checkpoints, as its own records tell. Raises RecordAlteredError, ManifestError."""
    return key_history.read(origin, given, of_keys(tx, log))


def terms(tx: Tx, log: str) -> tuple[Term, ...]:
    """The keys of the gate's answers, as a log's records tell. Raises RecordAlteredError, ManifestError."""
    return key_times.read(of_keys(tx, log))


def data_of(record: Record) -> KeyFacts:
    return msgspec.json.decode(record.data, type=KeyFacts)


def _draft(
    event: Event, key: PublicKey, found: KeyFacts, at: int, by: str, *, before: str = "", after: str = ""
) -> Draft:
    return Draft(
        trace_id=_trace(key), ts=at, stage="system", event=event, component=key_history.COMPONENT,
        action=event.partition(".")[2], resource=RESOURCE, actor_ref=by, outcome="ok",
        before=before, after=after, data=facts(found),
    )  # fmt: skip


def _trace(key: PublicKey) -> str:
    return f"key-{key.fingerprint}"


__all__ = [
    "SERVER",
    "SYSTEM",
    "Successor",
    "Withdrawal",
    "created",
    "data_of",
    "history",
    "of_keys",
    "retired",
    "revoked",
    "rotated",
    "terms",
]  # fmt: skip
