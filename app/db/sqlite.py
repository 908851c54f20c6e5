"""SQLite: one process, one writer, group commit.

Two processes on one file were measured to be slower and to fail with locked databases, so a second one is
refused by an exclusive lock on a file beside the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.db.database import DatabaseUnavailableError, Sequencer, Unit
from app.db.refused import Observer, raise_refused
from app.db.sqlite_tx import SqliteTx, Statements

T = TypeVar("T")
MAX_UNITS_PER_COMMIT = 256
READERS = 4


class DatabaseInUseError(DatabaseUnavailableError):
    """Another process has this SQLite database open. Stop it, or use PostgreSQL for several replicas."""

    code = "database.in_use"


def engine(path: Path) -> Engine:
    """An engine whose connections leave transactions to us: WAL, every commit durable."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=5, cached_statements=512
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        # Without this, INSERT OR REPLACE removes rows past the triggers that refuse DELETE.
        connection.execute("PRAGMA recursive_triggers=ON")
        connection.execute("PRAGMA cache_size=-32000")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def lock(path: Path) -> IO[bytes]:
    """Hold the database for this process; the operating system lets go when the process ends.

    Raises DatabaseInUseError.
    """
    holder = path.with_name(path.name + ".lock").open("wb")
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder.close()
        raise DatabaseInUseError(f"{DatabaseInUseError.__doc__} ({path})") from error
    return holder


class _Job:
    __slots__ = ("error", "future", "result", "unit")

    def __init__(self, unit: Unit[Any], future: asyncio.Future[Any]) -> None:
        self.unit = unit
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None


class SqliteDatabase:
    """See Database. The file must have been migrated already.

    Units run on the event loop's own thread, many in one transaction; only COMMIT, which waits for the disk, runs
    on another. A writer thread of its own was measured to lose more time waiting for the interpreter's lock at
    every statement than it won. One event loop uses the database.
    """

    dialect = "sqlite"

    def __init__(self, path: Path, sequence: Sequencer) -> None:
        self._lock = lock(path)
        self.on_refused: Observer | None = None
        self.on_unwritable: Callable[[str], None] | None = None
        self._sequence = sequence
        self._engine = engine(path)
        self._statements = Statements()
        self._local = threading.local()
        self._reading: list[Connection] = []
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="countersign-read")
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="countersign-commit")
        self._connection: Connection | None = None
        self._jobs: deque[_Job] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    async def write(self, unit: Unit[T]) -> T:
        if self._closed:
            raise DatabaseUnavailableError("The database is closed: the service is stopping.")
        loop = asyncio.get_running_loop()
        job = _Job(unit, loop.create_future())
        self._jobs.append(job)
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write_all())
        try:
            result: T = await job.future
        except (DBAPIError, sqlite3.Error) as error:
            await raise_refused(error, unit, self.on_refused)
            raise
        return result

    async def read(self, unit: Unit[T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_here, unit)
        except (DBAPIError, sqlite3.Error) as error:
            await raise_refused(error, unit, self.on_refused)
            raise

    def read_here(self, unit: Unit[T]) -> T:
        """Read on the calling thread, for reads of a few microseconds where a thread hop would cost more."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._engine.connect()
            self._reading.append(connection)
            self._local.statements = Statements()
        raw = _raw(connection)
        try:
            raw.execute("BEGIN")
            try:
                return unit(SqliteTx(connection, raw, self._local.statements))
            finally:
                raw.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailableError(f"The database cannot be read: {error}") from error

    async def close(self) -> None:
        """Finish what was handed in, then let go of the file."""
        self._closed = True
        if self._writing is not None:
            await self._writing
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._committer.shutdown)
        await loop.run_in_executor(None, self._readers.shutdown)
        # The last connection that is closed writes the log back into the file: a copy of the file is then whole.
        for connection in (*self._reading, self._connection):
            _close(connection)
        self._engine.dispose()
        self._lock.close()

    async def _write_all(self) -> None:
        # Whoever is ready to write now shares the first commit.
        await asyncio.sleep(0)
        while self._jobs:
            jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), MAX_UNITS_PER_COMMIT))]
            try:
                await self._commit(jobs)
            except Exception as error:
                # Nothing of the batch is durable: every caller must know, and none may be told otherwise.
                # A connection that failed is not trusted again: after a failed fsync its cache is not the file.
                _fail(jobs, error)
                if self.on_unwritable is not None:
                    self.on_unwritable(repr(error))
                _close(self._connection, broken=True)
                self._connection = None
            _answer(jobs)

    async def _commit(self, jobs: list[_Job]) -> None:
        self._connection = self._connection or self._engine.connect()
        raw = _raw(self._connection)
        raw.execute("BEGIN IMMEDIATE")
        batch = _Batch(self._connection, raw, self._statements, alone=len(jobs) == 1)
        for job in jobs:
            _run(job, batch)
        if batch.undone:
            raw.execute("ROLLBACK")
            return
        if batch.staged:
            self._sequence(batch)
        await asyncio.get_running_loop().run_in_executor(self._committer, raw.execute, "COMMIT")


class _Batch(SqliteTx):
    """The units of one commit, each undone alone if it fails. A unit that runs no SQL, or is ``alone`` in its commit,
    costs no savepoint (an eighth of the time of writing many rows); ``undone`` asks to undo the whole commit."""

    def __init__(self, connection: Connection, raw: sqlite3.Connection, statements: Statements, *, alone: bool) -> None:
        super().__init__(connection, raw, statements)
        self._alone = alone
        self.undone = False
        self._in_unit = self._saved = False
        self._staged_before = 0

    @property
    def connection(self) -> Connection:
        self._enter()
        return self._connection

    def _enter(self) -> None:
        if self._in_unit and not self._saved and not self._alone:
            self._raw.execute("SAVEPOINT unit")
            self._saved = True

    def begin(self) -> None:
        self._in_unit = True
        self._staged_before = len(self.staged)

    def undo(self) -> None:
        del self.staged[self._staged_before :]
        self.undone = self._alone
        if self._saved:
            self._raw.execute("ROLLBACK TO unit")

    def end(self) -> None:
        if self._saved:
            self._raw.execute("RELEASE unit")
        self._in_unit = self._saved = False


def _run(job: _Job, batch: _Batch) -> None:
    """Raises when the whole transaction is lost: SQLite has then dropped the savepoint too."""
    batch.begin()
    try:
        job.result = job.unit(batch)
    except Exception as error:
        if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.OperationalError):
            _raise_if_lost(error.orig)
        job.error = error
        batch.undo()
    batch.end()


def _raise_if_lost(error: sqlite3.OperationalError) -> None:
    """A full disk or a failed read is nobody's mistake; a misspelt statement is the unit's own."""
    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:
        raise error


def _fail(jobs: list[_Job], error: Exception) -> None:
    failure = DatabaseUnavailableError(f"The database could not be written: {error}")
    failure.__cause__ = error
    for job in jobs:
        job.error = job.error or failure


def _close(connection: Connection | None, *, broken: bool = False) -> None:
    if connection is None:
        return
    with contextlib.suppress(Exception):
        if broken:
            connection.invalidate()
        connection.close()


def _answer(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)


def _raw(connection: Connection) -> sqlite3.Connection:
    raw: object = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw
