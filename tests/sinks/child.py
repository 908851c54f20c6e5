"""A replica that tests kill: it feeds one sink until it dies by its own hand between two steps.

    python -m tests.sinks.child DATABASE ENDPOINT BUCKET STEP

STEP is ``put`` (before a segment's put), ``stored`` (after it, nothing recorded), ``recorded`` (after the transaction).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from app.audit.sequence import DEFAULT_ORIGIN, LogSequencer, origin
from app.blobs.store import BlobStore
from app.clock import now
from app.db.database import Database
from app.metrics import Metrics
from app.sinks import worm
from app.sinks.compare import Comparison
from app.sinks.worker import SinkWorker
from integrations.objectlock.s3 import S3Worm
from manifests.keys import PrivateKey
from manifests.note import VerifierKey
from tests.db.opened import opened
from tests.sinks import radosgw
from tests.sinks.made import Clock


class Dying(S3Worm):
    step = ""

    async def put(self, key: str, data: bytes, until: int) -> str:
        if "/segment/" in key and self.step == "put":
            die()
        version = await super().put(key, data, until)
        if "/segment/" in key and self.step == "stored":
            die()
        return version


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def feed(database: Database, endpoint: str, bucket: str, step: str, key: PrivateKey) -> None:
    store = Dying(bucket, endpoint=endpoint, region="us-east-1", keys=(radosgw.ACCESS, radosgw.SECRET))
    store.step = step
    clock = Clock(now() + 3600 * 1_000_000)
    own = [VerifierKey(origin(DEFAULT_ORIGIN, "acme"), key.public)]
    compare = Comparison(database, lambda log: own, clock, Metrics())
    sink = worm.sink("worm", store, 10, clock)
    await SinkWorker(sink, database, compare, BlobStore(clock), clock, "child").turn()
    die()


async def main(url: str, endpoint: str, bucket: str, step: str, pem: Path) -> None:
    key = PrivateKey.from_pem(pem.read_bytes())
    async with opened(url, LogSequencer([key])) as database:
        await feed(database, endpoint, bucket, step, key)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], Path(sys.argv[5])))
