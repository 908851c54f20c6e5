"""Reads a SQLite database through its driver: a million rows through a mapper cost more than checking them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.db.database import DatabaseUnavailableError
from app.verification.port import BLOB_TABLES, LOG_TABLES, NUMBERS_END, Baseline, Copy, LinkedRow, RecordRow, StoredBlob

ROWS = 4096
"""How many rows are fetched at a time."""

VALUES = 500
"""How many values are asked for at a time."""

_ROW = "seq, CAST(body AS BLOB), CAST(leaf AS BLOB), trace_id, tseq, resource, event, at"
"""SQLite keeps any type in any column; casts see to it that bytes are bytes, whoever wrote them."""

_RECORDS = f"SELECT {_ROW} FROM records WHERE log = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?"
_RECORDS_AT = (
    "SELECT r.seq, CAST(r.body AS BLOB), CAST(r.leaf AS BLOB), r.trace_id, r.tseq, r.resource, r.event, r.at, "
    "CAST(b.body AS BLOB) FROM records r LEFT JOIN records b ON b.log = r.log AND b.trace_id = r.trace_id "
    "AND b.tseq = r.tseq - 1 WHERE r.log = ? AND r.seq IN ({}) ORDER BY r.seq"
)
_LEAVES = "SELECT CAST(leaf AS BLOB) FROM records WHERE log = ? AND seq >= ? AND seq < ? ORDER BY seq"
_BODY_AT = "SELECT seq, CAST(body AS BLOB) FROM records WHERE log = ? AND trace_id = ? AND tseq = ?"
_COUNT = "SELECT count(*) FROM records WHERE log = ?"
_STRANGERS = (
    "SELECT seq FROM records WHERE log = ?1 AND seq < 0 UNION ALL "
    "SELECT seq FROM records WHERE log = ?1 AND seq >= ?2 ORDER BY seq"
)
_NOTE = "SELECT CAST(size AS BIGINT), CAST(note AS TEXT) FROM checkpoints WHERE log = ?"
_TREE = (
    "SELECT level, position, CAST(hash AS BLOB) FROM tree_hashes "
    "WHERE log = ? AND NOT (level = 1 AND position < ?) ORDER BY level, position"
)
_HEAD = "SELECT CAST(size AS BIGINT), CAST(frontier AS BLOB), CAST(last_at AS BIGINT) FROM log_heads WHERE log = ?"
_TRACE_HEADS = "SELECT trace_id, CAST(tseq AS BIGINT), CAST(leaf AS BLOB) FROM trace_heads WHERE log = ?"
_BASELINE = (
    "SELECT CAST(size AS BIGINT), CAST(frontier AS BLOB), CAST(at AS BIGINT), CAST(full_at AS BIGINT), "
    "CAST(problem AS TEXT) FROM verifications WHERE log = ?"
)
_RECEIPTS = (
    "SELECT CAST(body AS BLOB), CAST(leaf AS BLOB) FROM records "
    "WHERE log = ? AND resource >= 'sink/' AND resource < 'sink0' AND event = 'sink.delivered' ORDER BY seq"
)
_KEYS = "SELECT CAST(body AS BLOB) FROM records WHERE log = ? AND resource = 'server-keys' ORDER BY seq"
_FIRST_LOG = "SELECT min(log) FROM {}"
_NEXT_LOG = "SELECT min(log) FROM {} WHERE log > ?"
_STAGED = "SELECT log, draft FROM staged_records ORDER BY id"
_NAMING = (
    "SELECT CAST(body AS BLOB) FROM records "
    "WHERE log = ?1 AND resource >= 'decision/' AND resource < 'decision0' AND seq >= ?2 UNION ALL "
    "SELECT CAST(body AS BLOB) FROM records "
    "WHERE log = ?1 AND resource >= 'grant/' AND resource < 'grant0' AND seq >= ?2"
)
_BLOBS = "SELECT digest, CAST(body AS BLOB) FROM blobs WHERE digest IN ({})"
_STORED = " UNION ALL ".join(
    f"SELECT CAST(digest AS TEXT), CAST(kind AS TEXT), CAST(body AS BLOB) FROM {table} WHERE created_at >= ?1"
    for table in BLOB_TABLES
)
_COPIES = "SELECT digest, kind, sink, key, version FROM blob_places WHERE digest IN ({}) ORDER BY digest, sink"
_ONLY_COPIES = (
    "SELECT p.digest, p.kind, p.sink, p.key, p.version FROM blob_places p WHERE "
    + " AND ".join(f"NOT EXISTS (SELECT 1 FROM {table} b WHERE b.digest = p.digest)" for table in BLOB_TABLES)
    + " ORDER BY p.digest, p.sink"
)


class SqliteSource:
    """See Source. ``connection`` is inside a transaction, or sees each statement's own moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # The driver's own way is twice as fast, but refuses texts that the service cannot have written.
        connection.text_factory = str

    async def share(self) -> str:
        return ""

    async def logs(self) -> list[str]:
        found: set[str] = set()
        for table in LOG_TABLES:
            row = self._one(_FIRST_LOG.format(table))
            # From one log to the next: looking at every row would take longer than anything else here.
            while row[0] is not None:
                log = row[0]
                found.add(log)
                row = self._one(_NEXT_LOG.format(table), log)
        return sorted(found)

    async def count(self, log: str) -> int:
        return int(self._all(_COUNT, log)[0][0])

    async def strangers(self, log: str) -> Sequence[str]:
        return [repr(row[0]) for row in self._all(_STRANGERS, log, NUMBERS_END)]

    async def records(self, log: str, first: int, stop: int) -> Sequence[RecordRow]:
        return self._all(_RECORDS, log, first, stop, -1)

    async def records_from(self, log: str, first: int, most: int) -> Sequence[RecordRow]:
        return self._all(_RECORDS, log, first, NUMBERS_END, most)

    async def records_at(self, log: str, seqs: Sequence[int]) -> Sequence[LinkedRow]:
        return [row for part in _parts(sorted(seqs)) for row in self._all(_marked(_RECORDS_AT, part), log, *part)]

    async def leaves(self, log: str, first: int, stop: int) -> Sequence[bytes]:
        return [row[0] for row in self._all(_LEAVES, log, first, stop)]

    async def bodies(self, log: str, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, bytes]]:
        found = {place: self._all(_BODY_AT, log, *place) for place in places}
        return {place: rows[0] for place, rows in found.items() if rows}

    async def checkpoints(self, log: str, first: int) -> Sequence[tuple[int, str]]:
        return self._all(f"{_NOTE} AND size >= ? ORDER BY CAST(size AS BIGINT)", log, first)

    async def checkpoint(self, log: str, size: int) -> str | None:
        rows = self._all(f"{_NOTE} AND size = ?", log, size)
        return str(rows[0][1]) if rows else None

    async def newest_checkpoint(self, log: str) -> tuple[int, str] | None:
        row: tuple[int, str] | None = self._one(f"{_NOTE} ORDER BY size DESC LIMIT 1", log)
        return row

    async def tree_hashes(self, log: str, first: int) -> Sequence[tuple[object, object, bytes]]:
        return self._all(_TREE, log, first // 256)

    async def head(self, log: str) -> tuple[int, bytes, int] | None:
        row: tuple[int, bytes, int] | None = self._one(_HEAD, log)
        return row

    async def trace_heads(self, log: str, traces: Collection[str] | None) -> Sequence[tuple[str, int, bytes]]:
        if traces is None:
            return self._all(_TRACE_HEADS, log)
        some = f"{_TRACE_HEADS} AND trace_id IN ({{}})"
        return [row for part in _parts(sorted(traces)) for row in self._all(_marked(some, part), log, *part)]

    async def baseline(self, log: str) -> Baseline | None:
        row = self._one(_BASELINE, log)
        return Baseline(*row) if row is not None else None

    async def receipts(self, log: str) -> Sequence[tuple[bytes, bytes]]:
        return self._all(_RECEIPTS, log)

    async def key_records(self, log: str) -> Sequence[bytes]:
        return [row[0] for row in self._all(_KEYS, log)]

    async def staged(self) -> Sequence[tuple[str, bytes]]:
        return self._all(_STAGED)

    async def naming(self, log: str, first: int) -> AsyncIterator[Sequence[bytes]]:
        rows = self._connection.execute(_NAMING, (log, first))
        while batch := [row[0] for row in islice(rows, ROWS)]:
            yield batch

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        return dict(self._all(_marked(_BLOBS, digests), *digests))

    async def stored_blobs(self, since: int) -> AsyncIterator[StoredBlob]:
        for row in self._connection.execute(_STORED, (since,)):
            yield StoredBlob(*row)

    async def copies(self, digests: Sequence[str]) -> Sequence[Copy]:
        return [Copy(*row) for row in self._all(_marked(_COPIES, digests), *digests)]

    async def only_copies(self) -> Sequence[Copy]:
        return [Copy(*row) for row in self._all(_ONLY_COPIES)]

    def _one(self, sql: str, *values: object) -> Any:
        return self._connection.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: object) -> list[Any]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "UTF-8" not in str(error):
                raise
        self._connection.text_factory = _text
        return self._connection.execute(sql, values).fetchall()


def open_read_only(path: Path) -> sqlite3.Connection:
    """A SQLite connection that cannot write and does not take the service's lock.

    A copy on a medium that cannot be written has no write-ahead log to replay, so it is read as immutable.
    Raises DatabaseUnavailableError.
    """
    if not path.is_file():
        raise DatabaseUnavailableError(f"expected a SQLite database at {path}, found none. Check the address.")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    last: Exception | None = None
    for form in (address, address + "&immutable=1"):
        if form != address and path.with_name(path.name + "-wal").exists():
            break
        connection = sqlite3.connect(form, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
        connection.text_factory = _text
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            connection.close()
            last = error
        else:
            return connection
    raise DatabaseUnavailableError(f"The database {path} cannot be read: {last}") from last


def _text(data: bytes) -> str:
    """Text that is not UTF-8 was not written by the service; it must be told, not stop the reading."""
    return data.decode("utf-8", "backslashreplace")


def _marked(sql: str, values: Sequence[object]) -> str:
    return sql.format(",".join("?" * len(values)))


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + VALUES] for start in range(0, len(values), VALUES))
