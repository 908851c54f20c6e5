"""Sealed fields that cannot be opened, and were never erased; keys that are not those the records commit to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.privacy.errors import SealKeyError
from app.privacy.keys import SubjectKeys
from app.privacy.model import ErasedData
from app.privacy.sealer import commits_to
from app.verification.report import Finding
from manifests import record
from manifests.errors import ManifestError
from manifests.record import Record, Sealed

UNREADABLE = "audit.sealed_unreadable"
KEY_DIFFERS = "audit.sealed_key_differs"
AT_ONCE = 1000

_NEEDLE = b'"sealed":[{'
_SQLITE = text(
    "SELECT seq, body FROM records WHERE log = :log AND seq >= :since AND instr(CAST(body AS BLOB), :needle) > 0"
    " ORDER BY seq LIMIT :most"
)
_POSTGRES = text(
    "SELECT seq, body FROM records WHERE log = :log AND seq >= :since AND position(:needle IN body) > 0"
    " ORDER BY seq LIMIT :most"
)
_ERASED = text("SELECT body FROM records WHERE log = :log AND event = 'subject.erased' ORDER BY seq")
_STAGED = text("SELECT draft FROM staged_records WHERE log = :log")
_ALIVE = text("SELECT id FROM subject_keys WHERE tenant = :log AND length(wrapped) > 0")


def findings(tx: Tx, log: str, keys: SubjectKeys | None = None, since: int = 0) -> tuple[Finding, ...]:
    """One finding for each sealed field, from record ``since`` on, whose key is gone although no ``subject.erased``
    record names it; with ``keys`` (the sealing key at hand) also for each whose key is another than its record commits
    to. Bodies are taken as they are: whether they were altered is the log's own verification."""
    alive = {row.id for row in tx.all(_ALIVE, log=log)}
    erased = frozenset(key_id for data in _erasures(tx, log) for key_id in data.keys)
    found: list[Finding] = []
    held: dict[tuple[str, str], str] = {}
    for read in sealing_records(tx, log, since):
        for sealed in read.sealed:
            if sealed.key not in alive and sealed.key not in erased:
                found.append(_unreadable(read, sealed))
            elif sealed.key in alive and keys is not None:
                pair = (sealed.key, sealed.commitment)
                if pair not in held:
                    held[pair] = _problem(tx, log, keys, sealed)
                if held[pair]:
                    found.append(_differs(read, sealed, held[pair]))
    return tuple(found)


def sealing_records(tx: Tx, log: str, since: int = 0) -> Iterator[Record]:
    """The records with sealed fields, oldest first; those that cannot be read are left out."""
    statement = _SQLITE if tx.connection.dialect.name == "sqlite" else _POSTGRES
    while True:
        rows = tx.all(statement, log=log, since=since, needle=_NEEDLE, most=AT_ONCE)
        for row in rows:
            try:
                yield record.parse(bytes(row.body))
            except (ManifestError, TypeError):
                continue
        if len(rows) < AT_ONCE:
            return
        since = rows[-1].seq + 1


def _erasures(tx: Tx, log: str) -> Iterator[ErasedData]:
    """Those of the log, and those that wait for their numbers: on PostgreSQL a key is gone a moment earlier."""
    for row in tx.all(_ERASED, log=log):
        try:
            yield msgspec.json.decode(record.parse(bytes(row.body)).data, type=ErasedData)
        except (ManifestError, msgspec.MsgspecError, TypeError):
            continue
    for row in tx.all(_STAGED, log=log):
        try:
            draft = msgspec.json.decode(bytes(row.draft), type=record.Draft)
            if draft.event == "subject.erased":
                yield msgspec.json.decode(draft.data, type=ErasedData)
        except (msgspec.MsgspecError, TypeError):
            continue


def _problem(tx: Tx, log: str, keys: SubjectKeys, sealed: Sealed) -> str:
    try:
        key = keys.by_id(tx, log, sealed.key)
    except SealKeyError as error:
        return str(error)
    return "" if key is None or commits_to(key, sealed) else "another key is kept under its id"


def _unreadable(read: Record, sealed: Sealed) -> Finding:
    return Finding(
        UNREADABLE, read.log, read.seq,
        f"record {read.seq}: expected key {sealed.key} of the sealed field {sealed.field}, or a subject.erased record "
        "that names it, found neither",
        "Restore the table subject_keys from a backup; find out who destroyed the key.",
    )  # fmt: skip


def _differs(read: Record, sealed: Sealed, why: str) -> Finding:
    return Finding(
        KEY_DIFFERS, read.log, read.seq,
        f"record {read.seq}: expected key {sealed.key} as the field {sealed.field} commits to it, found: {why}",
        "Restore the table subject_keys from a backup; find out who wrote to it. With another sealing key, give it "
        "in privacy.former_seal_keys.",
    )  # fmt: skip
