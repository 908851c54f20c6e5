"""An object-lock server shared by all test processes, buckets of our own, and databases."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from app.clock import new_id
from integrations.objectlock.s3 import S3Worm
from tests.db.fixtures import database_url, new_url
from tests.db.postgres import new_postgres, postgres_server, postgres_url
from tests.requirements import need
from tests.sinks import radosgw
from tests.sinks.buckets import Buckets
from tests.sinks.kafka import Cluster
from tests.sinks.radosgw import Gateway

__all__ = ["database_url", "new_postgres", "new_url", "postgres_server", "postgres_url"]


class _Shared(msgspec.Struct):
    """The server of this test run and how many test processes use it."""

    gateway: Gateway
    users: int


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Gateway]:
    """One server for all processes of a run: it is started by the first that asks, ended by the last."""
    for program in radosgw.PROGRAMS:
        need(program)
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "radosgw.json"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shared.exists():
            state = msgspec.json.decode(shared.read_bytes(), type=_Shared)
        else:
            # Unix sockets are in it, and their paths must be short.
            state = _Shared(radosgw.start(Path(tempfile.mkdtemp(prefix="rgw"))), 0)
        state.users += 1
        shared.write_bytes(msgspec.json.encode(state))
    yield state.gateway
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = msgspec.json.decode(shared.read_bytes(), type=_Shared)
        state.users -= 1
        if state.users:
            shared.write_bytes(msgspec.json.encode(state))
        else:
            radosgw.stop(state.gateway.pids)
            shutil.rmtree(state.gateway.folder, ignore_errors=True)
            shared.unlink()


@pytest.fixture
async def buckets(gateway: Gateway) -> AsyncIterator[Buckets]:
    async with Buckets.opened(gateway.endpoint) as opened:
        yield opened


@pytest.fixture
async def bucket(buckets: Buckets) -> str:
    """One with object lock and a default retention of ten days."""
    name = f"b{new_id()}"
    await buckets.create(name, days=10)
    return name


@pytest.fixture
async def worm(gateway: Gateway, bucket: str) -> AsyncIterator[S3Worm]:
    store = open_worm(gateway.endpoint, bucket)
    yield store
    await store.close()


@pytest.fixture
def kept(worm: S3Worm) -> S3Worm:
    """The same, for tests that need the name for the sink."""
    return worm


def open_worm(endpoint: str, bucket: str, timeout_s: float = 60) -> S3Worm:
    return S3Worm(
        bucket, endpoint=endpoint, region="us-east-1", keys=(radosgw.ACCESS, radosgw.SECRET), timeout_s=timeout_s
    )


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three brokers that can be made to fail."""
    made = Cluster()
    yield made
    made.close()
