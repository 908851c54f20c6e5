"""Read records back. Whoever gets one got the bytes that were sealed, or an error that names the difference.

A row's hash, form and columns are checked here; whether its log is whole is checked by app.verification.verify.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, text

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from manifests import record
from manifests.canonical import MAX_INTEGER
from manifests.errors import ManifestError
from manifests.merkle import leaf_hash
from manifests.record import Record

_SELECT = "SELECT seq, trace_id, tseq, resource, event, at, leaf, body FROM records WHERE log = :log AND "
_OF_RESOURCE = text(_SELECT + "resource = :resource ORDER BY seq")
_UNDER = text(_SELECT + "resource >= :first AND resource < :last ORDER BY seq")
_OF_TRACE = text(_SELECT + "trace_id = :trace_id ORDER BY tseq")
_ONE = text(_SELECT + "seq = :seq")
_AT = text(_SELECT + "seq IN :seqs").bindparams(bindparam("seqs", expanding=True))
_PAGE = text(_SELECT + "seq < :before ORDER BY seq DESC LIMIT :most")
_HEAD = text("SELECT size, last_at FROM log_heads WHERE log = :log")
_TRACE_HEAD = text("SELECT tseq, leaf FROM trace_heads WHERE log = :log AND trace_id = :trace_id")
_CHECKPOINT = text("SELECT size, note FROM checkpoints WHERE log = :log ORDER BY size DESC LIMIT 1")
_WITNESSED = text(
    "SELECT c.size, c.note FROM checkpoints c WHERE c.log = :log AND EXISTS"
    " (SELECT 1 FROM cosignatures w WHERE w.log = c.log AND w.size = c.size) ORDER BY c.size DESC LIMIT 1"
)
_COSIGNATURES = text("SELECT line FROM cosignatures WHERE log = :log AND size = :size ORDER BY witness")
_CHECKPOINT_OF = text("SELECT size, note FROM checkpoints WHERE log = :log AND size >= :size ORDER BY size LIMIT 1")


class LogHead(msgspec.Struct, frozen=True):
    """How many records a log has and the latest ``ts`` of any (microseconds since 1970 UTC, 0 if there is none)."""

    size: int
    last_at: int


class StoredCheckpoint(msgspec.Struct, frozen=True):
    """A signed checkpoint as stored; nothing about it is verified yet."""

    size: int
    note: str


def records_of(tx: Tx, log: str, resource: str) -> tuple[Record, ...]:
    """The verified records about one resource, oldest first. Raises RecordAlteredError."""
    return _read_all(log, tx.all(_OF_RESOURCE, log=log, resource=resource))


def records_under(tx: Tx, log: str, prefix: str) -> tuple[Record, ...]:
    """The verified records about resources named ``<prefix>/…``, oldest first. Raises RecordAlteredError."""
    return _read_all(log, tx.all(_UNDER, log=log, first=prefix + "/", last=prefix + "0"))


def each_under(tx: Tx, log: str, prefix: str) -> tuple[tuple[str, Record | RecordAlteredError], ...]:
    """What is read of each record about resources named ``<prefix>/…``, oldest first: the column that names its
    resource, and the verified record or how it was altered."""
    found: list[tuple[str, Record | RecordAlteredError]] = []
    for row in tx.all(_UNDER, log=log, first=prefix + "/", last=prefix + "0"):
        try:
            found.append((row.resource, _read(log, row)))
        except RecordAlteredError as error:
            found.append((row.resource, error))
    return tuple(found)


def record_at(tx: Tx, log: str, seq: int) -> Record | None:
    """One verified record by its number, if there is one. Raises RecordAlteredError."""
    row = tx.first(_ONE, log=log, seq=seq)
    return _read(log, row) if row is not None else None


def records_at(tx: Tx, log: str, seqs: Sequence[int]) -> tuple[Record, ...]:
    """Verified records by their numbers, in the order of ``seqs``. Raises RecordAlteredError, for a missing one too."""
    found = {row.seq: row for row in tx.all(_AT, log=log, seqs=list(seqs))} if seqs else {}
    for seq in seqs:
        if seq not in found:
            raise RecordAlteredError(log, seq, "expected a record of this number, found none")
    return tuple(_read(log, found[seq]) for seq in seqs)


def newest(tx: Tx, log: str, most: int, before: int | None = None) -> tuple[Record, ...]:
    """At most ``most`` verified records, newest first, with numbers below ``before``. Raises RecordAlteredError."""
    last = MAX_INTEGER if before is None else before
    return _read_all(log, tx.all(_PAGE, log=log, before=last, most=most))


def trace(tx: Tx, log: str, trace_id: str) -> tuple[Record, ...]:
    """All that happened in one trace, in order, with every link of its chain checked to its head.

    Raises RecordAlteredError for an altered, missing or added record.
    """
    rows = tx.all(_OF_TRACE, log=log, trace_id=trace_id)
    head = tx.first(_TRACE_HEAD, log=log, trace_id=trace_id)
    records = []
    prev = record.FIRST_PREV
    for tseq, row in enumerate(rows):
        found = _read(log, row)
        if (found.tseq, found.prev) != (tseq, prev):
            raise RecordAlteredError(
                log,
                found.seq,
                f"expected number {tseq} of trace {trace_id} after the hash {prev}, "
                f"found number {found.tseq} after {found.prev}",
            )
        prev = bytes(row.leaf).hex()
        records.append(found)
    _check_end(log, trace_id, records, prev, head)
    return tuple(records)


def head(tx: Tx, log: str) -> LogHead:
    """Where a log ends; size 0 for a log without records."""
    row = tx.first(_HEAD, log=log)
    return LogHead(row.size, row.last_at) if row is not None else LogHead(0, 0)


def checkpoint(tx: Tx, log: str) -> StoredCheckpoint | None:
    """The newest signed checkpoint; None for a log without records."""
    row = tx.first(_CHECKPOINT, log=log)
    return StoredCheckpoint(row.size, row.note) if row is not None else None


def witnessed(tx: Tx, log: str) -> StoredCheckpoint | None:
    """The newest checkpoint that a witness cosigned, with the lines of all that did."""
    row = tx.first(_WITNESSED, log=log)
    if row is None:
        return None
    lines = tx.all(_COSIGNATURES, log=log, size=row.size)
    return StoredCheckpoint(row.size, row.note + "".join(line.line for line in lines))


def checkpoint_over(tx: Tx, log: str, size: int) -> StoredCheckpoint | None:
    """The first checkpoint over at least ``size`` records."""
    row = tx.first(_CHECKPOINT_OF, log=log, size=size)
    return StoredCheckpoint(row.size, row.note) if row is not None else None


def _read_all(log: str, rows: Sequence[Row[Any]]) -> tuple[Record, ...]:
    return tuple(_read(log, row) for row in rows)


def _read(log: str, row: Row[Any]) -> Record:
    body, leaf = _bytes(log, row.seq, row.body), _bytes(log, row.seq, row.leaf)
    actual = leaf_hash(body)
    if actual != leaf:
        raise RecordAlteredError(log, row.seq, f"expected a body with hash {leaf.hex()}, found {actual.hex()}")
    try:
        found = record.parse(body)
    except ManifestError as error:
        raise RecordAlteredError(log, row.seq, str(error)) from error
    columns = (log, row.seq, row.trace_id, row.tseq, row.resource, row.event, row.at)
    said = (found.log, found.seq, found.trace_id, found.tseq, found.resource, found.event, found.ts)
    names = ("log", "seq", "trace_id", "tseq", "resource", "event", "at")
    for name, column, sealed in zip(names, columns, said, strict=True):
        if column != sealed:
            raise RecordAlteredError(log, row.seq, f"expected {name} {sealed!r} as in its body, found {column!r}")
    return found


def _bytes(log: str, seq: int, value: object) -> bytes:
    """SQLite keeps whatever type somebody wrote into a column."""
    if not isinstance(value, bytes | memoryview):
        raise RecordAlteredError(log, seq, f"expected bytes, found {type(value).__name__}")
    return bytes(value)


def _check_end(log: str, trace_id: str, records: Sequence[Record], prev: str, head: Row[Any] | None) -> None:
    """A removed last record breaks no link; only the head still knows of it."""
    found = (len(records) - 1, prev) if records else None
    expected = (head.tseq, bytes(head.leaf).hex()) if head is not None else None
    if found != expected:
        raise RecordAlteredError(
            log,
            records[-1].seq if records else 0,
            f"expected trace {trace_id} to end with {_named(expected)}, found {_named(found)}",
        )


def _named(end: tuple[int, str] | None) -> str:
    return f"number {end[0]} with hash {end[1]}" if end else "nothing"


_STREAM = text(_SELECT + "(resource, seq) > (:resource, :seq) AND resource < :last ORDER BY resource, seq LIMIT :most")
PAGE = 1_000


def stream(tx: Tx, log: str, prefix: str) -> Iterator[Record | RecordAlteredError]:
    """All records about resources named ``<prefix>/…``, a page at a time, by resource and number: each verified, or how
    it was altered."""
    resource, seq = prefix + "/", -1
    while rows := tx.all(_STREAM, log=log, resource=resource, seq=seq, last=prefix + "0", most=PAGE):
        for row in rows:
            try:
                yield _read(log, row)
            except RecordAlteredError as error:
                yield error
        resource, seq = rows[-1].resource, rows[-1].seq
