"""Reads a PostgreSQL database through asyncpg: a million rows through a mapper cost more than checking them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from app.verification.port import BLOB_TABLES, LOG_TABLES, NUMBERS_END, Baseline, Copy, LinkedRow, RecordRow, StoredBlob

ROWS = 4096
"""How many rows are fetched at a time."""

_ROW = "seq, body, leaf, trace_id, tseq, resource, event, at"
_RECORDS = f"SELECT {_ROW} FROM records WHERE log = $1 AND seq >= $2 AND seq < $3 ORDER BY seq LIMIT $4"
_RECORDS_AT = (
    "SELECT r.seq, r.body, r.leaf, r.trace_id, r.tseq, r.resource, r.event, r.at, b.body FROM records r "
    "LEFT JOIN records b ON b.log = r.log AND b.trace_id = r.trace_id AND b.tseq = r.tseq - 1 "
    "WHERE r.log = $1 AND r.seq = ANY($2::bigint[]) ORDER BY r.seq"
)
_BY_KEY = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
_LEAVES = "SELECT leaf FROM records WHERE log = $1 AND seq >= $2 AND seq < $3 ORDER BY seq"
_BODIES = (
    "SELECT r.trace_id, r.tseq, r.seq, r.body FROM unnest($2::text[], $3::bigint[]) AS place (trace_id, tseq) "
    "JOIN records r ON r.log = $1 AND r.trace_id = place.trace_id AND r.tseq = place.tseq"
)
_COUNT = "SELECT count(*) FROM records WHERE log = $1"
_STRANGERS = (
    "SELECT seq FROM records WHERE log = $1 AND seq < 0 UNION ALL "
    "SELECT seq FROM records WHERE log = $1 AND seq >= $2 ORDER BY seq"
)
_NOTE = "SELECT size, note FROM checkpoints WHERE log = $1"
_TREE = (
    "SELECT level, position, hash FROM tree_hashes "
    "WHERE log = $1 AND NOT (level = 1 AND position < $2) ORDER BY level, position"
)
_HEAD = "SELECT size, frontier, last_at FROM log_heads WHERE log = $1"
_TRACE_HEADS = "SELECT trace_id, tseq, leaf FROM trace_heads WHERE log = $1"
_BASELINE = "SELECT size, frontier, at, full_at, problem FROM verifications WHERE log = $1"
_RECEIPTS = (
    "SELECT body, leaf FROM records WHERE log = $1 AND resource >= 'sink/' AND resource < 'sink0' "
    "AND event = 'sink.delivered' ORDER BY seq"
)
_KEYS = "SELECT body FROM records WHERE log = $1 AND resource = 'server-keys' ORDER BY seq"
_FIRST_LOG = "SELECT min(log) FROM {}"
_NEXT_LOG = "SELECT min(log) FROM {} WHERE log > $1"
_STAGED = "SELECT log, draft FROM staged_records ORDER BY id"
_NAMING = (
    "SELECT body FROM records WHERE log = $1 AND seq >= $2 AND (resource LIKE 'decision/%' OR resource LIKE 'grant/%')"
)
_BLOBS = "SELECT digest, body FROM blobs WHERE digest = ANY($1::text[])"
_STORED = " UNION ALL ".join(f"SELECT digest, kind, body FROM {table} WHERE created_at >= $1" for table in BLOB_TABLES)
_COPIES = (
    "SELECT digest, kind, sink, key, version FROM blob_places WHERE digest = ANY($1::text[]) ORDER BY digest, sink"
)
_ONLY_COPIES = (
    "SELECT p.digest, p.kind, p.sink, p.key, p.version FROM blob_places p WHERE "
    + " AND ".join(f"NOT EXISTS (SELECT 1 FROM {table} b WHERE b.digest = p.digest)" for table in BLOB_TABLES)
    + " ORDER BY p.digest, p.sink"
)
_BLOBS_AT_ONCE = 16
"""How many blobs are in memory at once: some are large."""


class PostgresSource:
    """See Source. ``connection`` is asyncpg's, inside a transaction."""

    def __init__(self, connection: Any, snapshot: str = "") -> None:
        self._connection = connection
        self._snapshot = snapshot

    async def share(self) -> str:
        if not self._snapshot:
            self._snapshot = str(await self._connection.fetchval("SELECT pg_export_snapshot()"))
        return self._snapshot

    async def logs(self) -> list[str]:
        found: set[str] = set()
        for table in LOG_TABLES:
            row = await self._one(_FIRST_LOG.format(table))
            # From one log to the next: looking at every row would take longer than anything else here.
            while row[0] is not None:
                log = row[0]
                found.add(log)
                row = await self._one(_NEXT_LOG.format(table), log)
        return sorted(found)

    async def count(self, log: str) -> int:
        return int(await self._connection.fetchval(_COUNT, log))

    async def strangers(self, log: str) -> Sequence[str]:
        return [str(row[0]) for row in await self._connection.fetch(_STRANGERS, log, NUMBERS_END)]

    async def records(self, log: str, first: int, stop: int) -> Sequence[RecordRow]:
        return await self._all(_RECORDS, log, first, stop, None)

    async def records_from(self, log: str, first: int, most: int) -> Sequence[RecordRow]:
        return await self._all(_RECORDS, log, first, NUMBERS_END, most)

    async def records_at(self, log: str, seqs: Sequence[int]) -> Sequence[LinkedRow]:
        # A thousand look-ups, whatever a planner without statistics thinks.
        await self._connection.execute(_BY_KEY)
        return await self._all(_RECORDS_AT, log, list(seqs))

    async def leaves(self, log: str, first: int, stop: int) -> Sequence[bytes]:
        return [row[0] for row in await self._connection.fetch(_LEAVES, log, first, stop)]

    async def bodies(self, log: str, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, bytes]]:
        traces, tseqs = [trace for trace, _ in places], [tseq for _, tseq in places]
        rows = await self._connection.fetch(_BODIES, log, traces, tseqs)
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    async def checkpoints(self, log: str, first: int) -> Sequence[tuple[int, str]]:
        return await self._all(f"{_NOTE} AND size >= $2 ORDER BY size", log, first)

    async def checkpoint(self, log: str, size: int) -> str | None:
        row = await self._one(f"{_NOTE} AND size = $2", log, size)
        return str(row[1]) if row is not None else None

    async def newest_checkpoint(self, log: str) -> tuple[int, str] | None:
        row: tuple[int, str] | None = await self._one(f"{_NOTE} ORDER BY size DESC LIMIT 1", log)
        return row

    async def tree_hashes(self, log: str, first: int) -> Sequence[tuple[object, object, bytes]]:
        return [(row[0], row[1], row[2]) for row in await self._all(_TREE, log, first // 256)]

    async def head(self, log: str) -> tuple[int, bytes, int] | None:
        row: tuple[int, bytes, int] | None = await self._one(_HEAD, log)
        return row

    async def trace_heads(self, log: str, traces: Collection[str] | None) -> Sequence[tuple[str, int, bytes]]:
        if traces is None:
            return await self._all(_TRACE_HEADS, log)
        return await self._all(f"{_TRACE_HEADS} AND trace_id = ANY($2::text[])", log, list(traces))

    async def baseline(self, log: str) -> Baseline | None:
        row = await self._one(_BASELINE, log)
        return Baseline(*row) if row is not None else None

    async def receipts(self, log: str) -> Sequence[tuple[bytes, bytes]]:
        return await self._all(_RECEIPTS, log)

    async def key_records(self, log: str) -> Sequence[bytes]:
        return [row[0] for row in await self._connection.fetch(_KEYS, log)]

    async def staged(self) -> Sequence[tuple[str, bytes]]:
        return await self._all(_STAGED)

    async def naming(self, log: str, first: int) -> AsyncIterator[Sequence[bytes]]:
        cursor = await self._connection.cursor(_NAMING, log, first)
        while rows := await cursor.fetch(ROWS):
            yield [row[0] for row in rows]

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        return {row[0]: row[1] for row in await self._connection.fetch(_BLOBS, digests)}

    async def stored_blobs(self, since: int) -> AsyncIterator[StoredBlob]:
        async for row in self._connection.cursor(_STORED, since, prefetch=_BLOBS_AT_ONCE):
            yield StoredBlob(row[0], row[1], row[2])

    async def copies(self, digests: Sequence[str]) -> Sequence[Copy]:
        return [Copy(*row) for row in await self._connection.fetch(_COPIES, digests)]

    async def only_copies(self) -> Sequence[Copy]:
        return [Copy(*row) for row in await self._connection.fetch(_ONLY_COPIES)]

    async def _one(self, sql: str, *values: object) -> Any:
        return await self._connection.fetchrow(sql, *values)

    async def _all(self, sql: str, *values: object) -> list[Any]:
        found: list[Any] = await self._connection.fetch(sql, *values)
        return found
