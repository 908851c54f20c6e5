"""A backlog of records into WORM storage: cut, stored under object lock, read back, receipts recorded in the log.

Against radosgw (Ceph's S3 gateway) where its Debian packages are installed, else into a folder, which says so in
the name. The database is SQLite.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.audit.sequence import LogSequencer
from app.blobs.store import BlobStore
from app.clock import SECOND, new_id, now
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.sinks import worm
from app.sinks.compare import Comparison
from app.sinks.worker import SinkWorker
from integrations.objectlock.local import LocalWorm
from integrations.objectlock.port import WormStore
from integrations.objectlock.s3 import S3Worm
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from manifests.record import Draft, facts
from tests.benchmarks import databases
from tests.benchmarks.result import Measured, main
from tests.db.opened import opened
from tests.sinks import radosgw
from tests.sinks.buckets import Buckets

RECORDS = 200_000
QUICK = 40_000
PER_COMMIT = 2000
RECORD_NOTE = "x" * 90
"""Makes a record about as long as a verdict's: 360 bytes."""


async def measure(quick: bool) -> list[Measured]:
    count = QUICK if quick else RECORDS
    async with databases.folder() as folder, _store(folder) as (name, store):
        key = PrivateKey.generate("ed25519")
        async with opened(f"sqlite:///{folder}/log.db", LogSequencer([key])) as database:
            await _fill(database, count)
            per_second, behind = await _export(database, store, key, count)
            segments = len(await store.keys("acme/segment/", most=1 << 20))
    return [
        Measured(f"worm.records.{name}", per_second, "1/s", "≥", 50_000),
        Measured(f"worm.segments.{name}", segments, "objects", scaled=False),
        Measured(f"worm.left.{name}", behind, "records", "≤", 0, scaled=False),
    ]


async def _export(database: Database, store: WormStore, key: PrivateKey, count: int) -> tuple[float, int]:
    """Records a second from the first put to the last receipt, and how many are not outside."""

    def clock() -> int:
        """A minute ahead: all records are old enough to leave."""
        return now() + 60 * SECOND

    verifier = VerifierKey("countersign.dev/log/acme", key.public)
    compare = Comparison(database, lambda log: [verifier], clock, Metrics())
    worker = SinkWorker(worm.sink("worm", store, 10, clock), database, compare, BlobStore(clock), clock, "benchmark")
    # The server makes room for a bucket's data with its first object.
    await store.put("warm", b"warm", clock() + 60 * SECOND)
    started = time.perf_counter()
    while await worker.turn():
        pass
    seconds = time.perf_counter() - started
    outside = 0
    for name in await store.keys("acme/segment/", most=1 << 20):
        outside = max(outside, int(name.split("-")[-1].partition(".")[0]) + 1)
    return count / seconds, max(0, count - outside)


async def _fill(database: Database, count: int) -> None:
    for first in range(0, count, PER_COMMIT):
        drafts = [_draft(number) for number in range(first, min(count, first + PER_COMMIT))]

        def unit(tx: Tx, drafts: list[Draft] = drafts) -> None:
            for draft in drafts:
                tx.stage("acme", draft)

        await database.write(unit)


def _draft(number: int) -> Draft:
    return Draft(
        trace_id=f"release-{number % 1000}", ts=now(), stage="verify", event="verdict.recorded", component="gate",
        resource=f"release/{number % 1000}", outcome="wait", data=facts({"note": RECORD_NOTE, "number": number}),
    )  # fmt: skip


@asynccontextmanager
async def _store(folder: Path) -> AsyncIterator[tuple[str, WormStore]]:
    if any(shutil.which(program) is None for program in radosgw.PROGRAMS):
        yield "folder", LocalWorm(folder / "worm")
        return
    (folder / "ceph").mkdir()
    gateway = await asyncio.to_thread(radosgw.start, folder / "ceph")
    bucket = f"b{new_id()}"
    keys = (radosgw.ACCESS, radosgw.SECRET)
    store = S3Worm(bucket, endpoint=gateway.endpoint, region="us-east-1", keys=keys)
    try:
        async with Buckets.opened(gateway.endpoint) as buckets:
            await buckets.create(bucket, days=10)
        yield "radosgw", store
    finally:
        await store.close()
        radosgw.stop(gateway.pids)


if __name__ == "__main__":
    main(measure, __doc__)
