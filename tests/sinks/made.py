"""A log with sinks, on a clock that the test holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from app.audit.sequence import DEFAULT_ORIGIN, LogSequencer, origin
from app.audit.store import head
from app.blobs.store import BlobStore
from app.clock import SECOND
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.sinks import store
from app.sinks.compare import Comparison
from app.sinks.lag import Lag
from app.sinks.model import Sink
from app.sinks.segments import decode
from app.sinks.store import Progress
from app.sinks.worker import SinkWorker
from integrations.objectlock.port import WormStore
from manifests import record
from manifests.note import VerifierKey
from manifests.record import Record
from tests.audit.made import AT, KEY, draft, stage
from tests.db.opened import opened

DAYS = 2557


def verifiers(log: str) -> Sequence[VerifierKey]:
    return [VerifierKey(origin(DEFAULT_ORIGIN, log), KEY.public)]


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self, at: int = AT) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def after(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


class World:
    """One replica."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.metrics = Metrics()
        self.compare = Comparison(database, verifiers, clock, self.metrics)
        self._number = 0

    def worker(self, sink: Sink, owner: str = "me") -> SinkWorker:
        return SinkWorker(sink, self.database, self.compare, BlobStore(self.clock), self.clock, owner)

    def lag(self, *sinks: Sink) -> Lag:
        return Lag(sinks, self.database, self.clock, self.metrics)

    async def write(self, count: int, log: str = "acme", note: str = "") -> None:
        """Records of now, in three traces."""
        numbers = range(self._number, self._number + count)
        self._number += count
        await stage(
            self.database,
            log,
            [draft(self.clock.at - AT, f"trace-{n % 3}", f"release/{n}", f"{n} {note}") for n in numbers],
        )

    async def size(self, log: str = "acme") -> int:
        return (await self.database.read(lambda tx: head(tx, log))).size

    async def progress(self, sink: str, log: str = "acme") -> Progress:
        return await self.database.read(lambda tx: store.progress(tx, sink, log))

    async def bodies(self, log: str = "acme") -> list[bytes]:
        def read(tx: Tx) -> list[bytes]:
            rows = tx.connection.exec_driver_sql(f"SELECT body FROM records WHERE log = '{log}' ORDER BY seq")
            return [bytes(row.body) for row in rows]

        return await self.database.read(read)

    async def events(self, event: str, log: str = "acme") -> list[Record]:
        return [found for body in await self.bodies(log) if (found := record.parse(body)).event == event]


async def catch_up(worker: SinkWorker) -> None:
    while await worker.turn():
        pass


async def exported(worm: WormStore, log: str = "acme") -> list[bytes]:
    """The records in all segments, in the order of their names; each segment must be there once."""
    found: list[bytes] = []
    for key in await worm.keys(f"{log}/segment/"):
        (version,) = await worm.versions(key)
        found += decode((await worm.read(key, version.version_id)).data)
    return found


@asynccontextmanager
async def world(url: str, clock: Clock | None = None) -> AsyncIterator[World]:
    async with opened(url, LogSequencer([KEY])) as database:
        yield World(database, clock or Clock())
