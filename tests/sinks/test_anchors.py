"""What an older state, a cut tail or a second history cannot hide from a checkpoint that lies elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from app.audit.projection import log_facts
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.audit.store import checkpoint as newest_checkpoint
from app.clock import now
from app.sinks import store, stream, worm
from app.sinks.model import Sink
from integrations.errors import InDoubtError, UnavailableError
from integrations.objectlock.local import LocalWorm
from manifests import checkpoint
from manifests.checkpoint import Checkpoint
from manifests.keys import PrivateKey
from tests.audit.made import KEY
from tests.db.unguarded import unguarded
from tests.sinks.conftest import open_worm
from tests.sinks.kafka import Cluster
from tests.sinks.made import Clock, World, catch_up, world
from tests.sinks.radosgw import Gateway
from tests.sinks.test_stream import read_all, stream_to

DAYS = 10
OpenSink = Callable[[Clock], Sink]


@pytest.fixture(params=["folder", "worm", "kafka"])
def new_sink(request: pytest.FixtureRequest, tmp_path: Path) -> OpenSink:
    """Each kind of anchor, with all that it needs."""
    if request.param == "folder":
        return lambda clock: worm.sink("folder", LocalWorm(tmp_path / "worm"), DAYS, clock)
    if request.param == "kafka":
        cluster: Cluster = request.getfixturevalue("cluster")
        return lambda clock: stream.sink("kafka", stream_to(cluster))
    gateway: Gateway = request.getfixturevalue("gateway")
    bucket: str = request.getfixturevalue("bucket")
    return lambda clock: worm.sink("worm", open_worm(gateway.endpoint, bucket), DAYS, clock)


@pytest.fixture
async def open_sink(new_sink: OpenSink) -> AsyncIterator[OpenSink]:
    """Every call opens what a new process would; all are closed."""
    async with AsyncExitStack() as closing:

        def make(clock: Clock) -> Sink:
            sink = new_sink(clock)
            closing.push_async_callback(sink.close)
            return sink

        yield make


@pytest.fixture
def at(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def copy(of: Path, to: Path) -> None:
    """A backup, or its restoration: the file and its log of writes."""
    for suffix in ("", "-wal", "-shm"):
        source, target = of.with_name(of.name + suffix), to.with_name(to.name + suffix)
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copy(source, target)


def clock() -> Clock:
    # Locks of real servers must end in the future.
    return Clock(now())


async def problem(w: World, log: str = "acme") -> str:
    return (await w.database.read(lambda tx: log_facts(tx, log))).problem


async def test_an_intact_log_agrees_with_all_its_anchors(at: Path, open_sink: OpenSink) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        sink = open_sink(w.clock)
        for _ in range(3):
            await w.write(7)
            w.clock.after(6)
            await catch_up(w.worker(sink))
        assert await w.compare(sink, "acme") == ""
        assert await problem(w) == ""
        assert await w.database.read(lambda tx: store.anchored_size(tx, "acme")) >= 21
    async with world(f"sqlite:///{at}", w.clock) as again:
        assert await again.compare(open_sink(w.clock), "acme") == ""
        assert await again.events("sink.alarmed", "system") == []


async def test_an_older_state_that_was_restored_is_found_and_denies_until_the_newer_is_back(
    at: Path, open_sink: OpenSink
) -> None:
    time, backup, newer = clock(), at.with_name("backup.db"), at.with_name("newer.db")
    async with world(f"sqlite:///{at}", time) as w:
        await w.write(5)
        await catch_up(w.worker(open_sink(time)))
    copy(at, backup)
    async with world(f"sqlite:///{at}", time) as w:
        await w.write(4)
        time.after(6)
        await catch_up(w.worker(open_sink(time)))
    copy(at, newer)
    copy(backup, at)
    async with world(f"sqlite:///{at}", time) as w:
        sink = open_sink(time)
        assert "it was rolled back" in await w.compare(sink, "acme")
        assert "it was rolled back" in await problem(w)
        assert await problem(w, "other") == ""
        assert await w.compare(sink, "acme") != ""
        (alarm,) = await w.events("sink.alarmed", "system")
        assert b"rolled back" in bytes(alarm.data)
    copy(newer, at)
    async with world(f"sqlite:///{at}", time) as w:
        assert await w.compare(open_sink(time), "acme") == ""
        assert await problem(w) == ""


async def test_a_history_that_forked_is_found_even_when_it_has_grown_past_its_anchors(
    at: Path, open_sink: OpenSink
) -> None:
    time, backup = clock(), at.with_name("backup.db")
    async with world(f"sqlite:///{at}", time) as w:
        await w.write(5)
        await catch_up(w.worker(open_sink(time)))
    copy(at, backup)
    async with world(f"sqlite:///{at}", time) as w:
        await w.write(4)
        time.after(6)
        await catch_up(w.worker(open_sink(time)))
    copy(backup, at)
    async with world(f"sqlite:///{at}", time) as w:
        await w.write(40, note="of another history")
        sink = open_sink(time)
        before = await w.progress(sink.name)
        time.after(6)
        await catch_up(w.worker(sink))
        assert "it was forked" in await problem(w)
        assert (await w.progress(sink.name)).anchored_size == before.anchored_size, "no second history outside"


async def test_an_anchor_that_our_key_did_not_sign_refutes_nothing(at: Path, open_sink: OpenSink) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        sink = open_sink(w.clock)
        assert sink.anchors is not None
        await w.write(5)
        await catch_up(w.worker(sink))
        name = origin(DEFAULT_ORIGIN, "acme")
        forged = checkpoint.sign(Checkpoint(name, 99, bytes(32)), [(name, PrivateKey.generate("ed25519"))])
        other = origin(DEFAULT_ORIGIN, "other")
        elsewhere = checkpoint.sign(Checkpoint(other, 98, bytes(32)), [(other, KEY)])
        for size, note in ((99, forged), (98, elsewhere), (97, b"nothing like it")):
            await sink.anchors.anchor("acme", size, note)
        assert await w.compare(sink, "acme") == ""
        assert w.metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "anchor"}) == 3


async def test_an_anchor_that_our_key_signed_for_another_tree_does(at: Path, open_sink: OpenSink) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        sink = open_sink(w.clock)
        assert sink.anchors is not None
        await w.write(5)
        name = origin(DEFAULT_ORIGIN, "acme")
        await sink.anchors.anchor("acme", 3, checkpoint.sign(Checkpoint(name, 3, bytes(32)), [(name, KEY)]))
        assert "it was forked" in await w.compare(sink, "acme")


async def test_anchors_that_cannot_be_read_refute_nothing(at: Path) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        await w.write(5)
        sink = worm.sink("worm", open_worm("http://127.0.0.1:9", "b"), DAYS, w.clock)
        with pytest.raises(UnavailableError):
            await w.compare(sink, "acme")
        await sink.close()
        assert await problem(w) == ""


async def test_brokers_that_fail_and_return_get_every_record(at: Path, cluster: Cluster) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        sink = stream.sink("kafka", stream_to(cluster, timeout_s=2))
        worker = w.worker(sink)
        await w.write(20)
        await catch_up(worker)
        cluster.down()
        await w.write(20)
        with pytest.raises((InDoubtError, UnavailableError)):
            await worker.turn()
        assert (await w.progress("kafka")).size == 20
        cluster.up()
        while (await w.progress("kafka")).size < 40:
            with suppress(InDoubtError, UnavailableError):
                await worker.turn()
        got = await read_all(cluster, set(range(40)))
        assert {message.seq: message.body for message in got} == dict(enumerate(await w.bodies()))
        await sink.close()


async def test_what_only_sinks_wrote_is_not_anchored_anew(at: Path, tmp_path: Path) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        folder = LocalWorm(tmp_path / "worm")
        worker = w.worker(worm.sink("folder", folder, DAYS, w.clock))
        await w.write(5)
        for _ in range(4):
            w.clock.after(6)
            await catch_up(worker)
        assert await folder.keys("acme/checkpoint/") == [f"acme/checkpoint/{5:016d}"]
        note = await w.database.read(lambda tx: newest_checkpoint(tx, "acme"))
        assert note is not None
        assert note.size == 6


async def test_an_anchor_is_not_made_for_every_commit(at: Path, tmp_path: Path) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        folder = LocalWorm(tmp_path / "worm")
        worker = w.worker(worm.sink("folder", folder, DAYS, w.clock))
        for _ in range(10):
            await w.write(1)
            await catch_up(worker)
            w.clock.after(1)
        assert len(await folder.keys("acme/checkpoint/")) == 2


async def test_a_tail_that_is_cut_off_under_a_running_service_is_found(at: Path, open_sink: OpenSink) -> None:
    async with world(f"sqlite:///{at}", clock()) as w:
        await w.write(9)
        sink = open_sink(w.clock)
        await catch_up(w.worker(sink))
        assert await w.compare(sink, "acme") == ""
        with unguarded(at) as connection:
            connection.execute("DELETE FROM records WHERE log = 'acme' AND seq >= 7")
        assert "it was rolled back" in await w.compare(sink, "acme")
