"""Where verification reads: one consistent view of a database, without taking part in the service.

Reading goes through the driver, because a million rows through a mapper cost more than checking them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

from app.db.connect import driver_url, sqlite_path
from app.db.database import DatabaseUnavailableError

ROWS = 4096
"""How many rows are fetched at a time."""

NUMBERS_END = 2**62
"""Beyond any record's number, and before whatever is no number: SQLite orders texts and blobs after them."""

RecordRow: TypeAlias = tuple[int, bytes, bytes, str, int, str, str, int]
"""seq, body, leaf, trace_id, tseq, resource, event, at"""

_RECORDS_SQLITE = (
    "SELECT seq, CAST(body AS BLOB), CAST(leaf AS BLOB), trace_id, tseq, resource, event, at FROM records "
    "WHERE log = ? AND seq >= ? AND seq < ? ORDER BY seq"
)
"""SQLite keeps any type in any column; casts see to it that bytes are bytes, whoever wrote them."""
_RECORDS_POSTGRES = (
    "SELECT seq, body, leaf, trace_id, tseq, resource, event, at FROM records WHERE log = $1 AND seq >= 0 ORDER BY seq"
)
_STRANGERS = "SELECT seq FROM records WHERE log = {} AND (seq < 0 OR seq >= {}) ORDER BY seq"
_CHECKPOINTS = (
    "SELECT CAST(size AS BIGINT), CAST(note AS TEXT) FROM checkpoints WHERE log = {} ORDER BY CAST(size AS BIGINT)"
)
_HEAD = "SELECT CAST(size AS BIGINT), CAST(frontier AS {blob}), CAST(last_at AS BIGINT) FROM log_heads WHERE log = {}"
_TRACE_HEADS = "SELECT trace_id, CAST(tseq AS BIGINT), CAST(leaf AS {blob}) FROM trace_heads WHERE log = {}"
_LOGS = (
    "SELECT log FROM log_heads UNION SELECT log FROM records UNION SELECT log FROM checkpoints "
    "UNION SELECT log FROM trace_heads ORDER BY log"
)
_STAGED = "SELECT log, draft FROM staged_records ORDER BY id"

_NAMING_SQLITE = (
    "SELECT CAST(body AS BLOB) FROM records WHERE log = ? AND resource >= 'decision/' AND resource < 'decision0' "
    "UNION ALL SELECT CAST(body AS BLOB) FROM records WHERE log = ? AND resource >= 'grant/' AND resource < 'grant0'"
)
_NAMING_POSTGRES = "SELECT body FROM records WHERE log = $1 AND (resource LIKE 'decision/%' OR resource LIKE 'grant/%')"
_BLOBS_SQLITE = "SELECT digest, CAST(body AS BLOB) FROM blobs WHERE digest IN ({})"
_BLOBS_POSTGRES = "SELECT digest, body FROM blobs WHERE digest = ANY($1::text[])"


class Source(Protocol):
    """One snapshot of everything the log consists of, as it is stored."""

    async def logs(self) -> list[str]: ...
    async def strangers(self, log: str) -> Sequence[str]:
        """What stands where a record's number must stand, and is none."""
        ...

    def records(self, log: str) -> AsyncIterator[Sequence[RecordRow]]: ...
    async def checkpoints(self, log: str) -> Sequence[tuple[int, str]]: ...
    async def head(self, log: str) -> tuple[int, bytes, int] | None: ...
    async def trace_heads(self, log: str) -> Sequence[tuple[str, int, bytes]]: ...
    async def staged(self) -> Sequence[tuple[str, bytes]]: ...
    def naming(self, log: str) -> AsyncIterator[Sequence[bytes]]:
        """The bodies of all records about decisions and grants, which name blobs."""
        ...

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The blobs that are kept under these digests, unverified; at most some hundred at once."""
        ...


class SqliteSource:
    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def next_seq(self, log: str) -> int:
        """The number after the last record's."""
        sql = "SELECT max(seq) FROM records WHERE log = ? AND seq < ?"
        row = self._connection.execute(sql, (log, NUMBERS_END)).fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    async def logs(self) -> list[str]:
        return [row[0] for row in self._connection.execute(_LOGS)]

    async def strangers(self, log: str) -> Sequence[str]:
        return [repr(row[0]) for row in self._connection.execute(_STRANGERS.format("?", "?"), (log, NUMBERS_END))]

    async def records(self, log: str) -> AsyncIterator[Sequence[RecordRow]]:
        rows = rows_between(self._connection, log, 0, NUMBERS_END)
        while batch := list(islice(rows, ROWS)):
            yield batch

    async def checkpoints(self, log: str) -> Sequence[tuple[int, str]]:
        return self._connection.execute(_CHECKPOINTS.format("?"), (log,)).fetchall()

    async def head(self, log: str) -> tuple[int, bytes, int] | None:
        sql = _HEAD.format("?", blob="BLOB")
        row: tuple[int, bytes, int] | None = self._connection.execute(sql, (log,)).fetchone()
        return row

    async def trace_heads(self, log: str) -> Sequence[tuple[str, int, bytes]]:
        return self._connection.execute(_TRACE_HEADS.format("?", blob="BLOB"), (log,)).fetchall()

    async def staged(self) -> Sequence[tuple[str, bytes]]:
        return self._connection.execute(_STAGED).fetchall()

    async def naming(self, log: str) -> AsyncIterator[Sequence[bytes]]:
        rows = self._connection.execute(_NAMING_SQLITE, (log, log))
        while batch := [row[0] for row in islice(rows, ROWS)]:
            yield batch

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        return dict(self._connection.execute(_BLOBS_SQLITE.format(",".join("?" * len(digests))), digests))


class PostgresSource:
    """``connection`` is asyncpg's, inside a transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def logs(self) -> list[str]:
        return [row[0] for row in await self._connection.fetch(_LOGS)]

    async def strangers(self, log: str) -> Sequence[str]:
        rows = await self._connection.fetch(_STRANGERS.format("$1", "$2"), log, NUMBERS_END)
        return [str(row[0]) for row in rows]

    async def records(self, log: str) -> AsyncIterator[Sequence[RecordRow]]:
        cursor = await self._connection.cursor(_RECORDS_POSTGRES, log)
        while rows := await cursor.fetch(ROWS):
            yield rows

    async def checkpoints(self, log: str) -> Sequence[tuple[int, str]]:
        return list(await self._connection.fetch(_CHECKPOINTS.format("$1"), log))

    async def head(self, log: str) -> tuple[int, bytes, int] | None:
        row: tuple[int, bytes, int] | None = await self._connection.fetchrow(_HEAD.format("$1", blob="bytea"), log)
        return row

    async def trace_heads(self, log: str) -> Sequence[tuple[str, int, bytes]]:
        return list(await self._connection.fetch(_TRACE_HEADS.format("$1", blob="bytea"), log))

    async def staged(self) -> Sequence[tuple[str, bytes]]:
        return list(await self._connection.fetch(_STAGED))

    async def naming(self, log: str) -> AsyncIterator[Sequence[bytes]]:
        cursor = await self._connection.cursor(_NAMING_POSTGRES, log)
        while rows := await cursor.fetch(ROWS):
            yield [row[0] for row in rows]

    async def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        return {row[0]: row[1] for row in await self._connection.fetch(_BLOBS_POSTGRES, digests)}


def rows_between(connection: sqlite3.Connection, log: str, start: int, stop: int) -> Iterator[RecordRow]:
    """The records of a log from ``start`` up to, not including, ``stop``."""
    return connection.execute(_RECORDS_SQLITE, (log, start, stop))


@asynccontextmanager
async def open_source(url: str) -> AsyncIterator[Source]:
    """A read-only view of ``sqlite:///path`` or ``postgresql://…``, while the service may be running.

    Raises DatabaseUnavailableError when there is no such database or it cannot be read.
    """
    path = sqlite_path(url)
    if path is not None:
        async with _sqlite(path) as source:
            yield source
    else:
        async with _postgres(driver_url(url)) as source:
            yield source


def open_read_only(path: Path) -> sqlite3.Connection:
    """A SQLite connection that cannot write and does not take the service's lock.

    A copy on a medium that cannot be written has no write-ahead log to replay, so it is read as immutable.
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
            connection.execute("PRAGMA mmap_size=1073741824")
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


@asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[Source]:
    connection = open_read_only(path)
    try:
        connection.execute("BEGIN")
        yield SqliteSource(path, connection)
    except sqlite3.Error as error:
        raise DatabaseUnavailableError(f"The database {path} cannot be read: {error}") from error
    finally:
        connection.close()


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Source]:
    import asyncpg
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            async with raw.transaction(isolation="repeatable_read", readonly=True):
                yield PostgresSource(raw)
    except (asyncpg.PostgresError, OSError) as error:
        raise DatabaseUnavailableError(f"The database cannot be read: {error}") from error
    finally:
        await engine.dispose()
