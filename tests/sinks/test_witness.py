"""A log under a witness's eyes, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.audit.errors import TreeAlteredError
from app.audit.projection import log_facts
from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.audit.store import witnessed
from app.clock import SECOND
from app.sinks import store, witness
from app.sinks.model import Sink
from integrations.errors import RefusedError, UnavailableError
from integrations.witness.client import HttpWitness
from integrations.witness.port import ContradictedError
from integrations.witness.simulator import WitnessSimulator
from manifests import cosignature
from manifests.checkpoint import Checkpoint
from manifests.cosignature import WitnessKey
from manifests.keys import PrivateKey
from manifests.merkle import EMPTY_ROOT
from manifests.note import VerifierKey
from tests.audit.made import AT, KEY
from tests.db.unguarded import unguarded
from tests.sinks.made import Clock, World, catch_up, world

OpenSink = Callable[[World], Sink]
NAME = origin(DEFAULT_ORIGIN, "acme")


@pytest.fixture
async def seen() -> AsyncIterator[WitnessSimulator]:
    simulator = WitnessSimulator(
        "witness.example/one", PrivateKey.generate("ed25519"), {NAME: VerifierKey(NAME, KEY.public)}, lambda: time()
    )
    yield simulator
    await simulator.stop()


@pytest.fixture
async def open_sink(seen: WitnessSimulator) -> AsyncIterator[OpenSink]:
    address = await seen.start()
    opened: list[Sink] = []

    def make(w: World) -> Sink:
        key = WitnessKey.parse(seen.vkey)
        opened.append(witness.sink("witness1", HttpWitness(address, timeout_s=5), key, w.database, w.clock))
        return opened[-1]

    yield make
    for sink in opened:
        await sink.close()


def time() -> float:
    return AT / SECOND


async def anchored(w: World) -> int:
    return await w.database.read(lambda tx: store.anchored_size(tx, "acme"))


async def problem(w: World) -> str:
    return (await w.database.read(lambda tx: log_facts(tx, "acme"))).problem


async def test_every_tree_the_log_grows_to_is_cosigned(
    database_url: str, open_sink: OpenSink, seen: WitnessSimulator
) -> None:
    async with world(database_url, Clock()) as w:
        worker = w.worker(open_sink(w))
        for count in (1, 6, 300):
            await w.write(count)
            w.clock.after(11)
            await catch_up(worker)
            size = await w.size()
            assert (seen.seen[NAME].size, await anchored(w)) == (size, size)
            found = await w.database.read(lambda tx: witnessed(tx, "acme"))
            assert found is not None
            assert found.size == size
            signed, _, lines = found.note.partition("\n\n")
            assert cosignature.verify(f"{signed}\n", lines, WitnessKey.parse(seen.vkey)).line in lines
        assert await problem(w) == ""


async def test_a_new_process_finds_out_what_the_witness_knows(
    database_url: str, open_sink: OpenSink, seen: WitnessSimulator
) -> None:
    async with world(database_url, Clock()) as w:
        await w.write(5)
        await catch_up(w.worker(open_sink(w)))
        await w.write(5)
        w.clock.after(11)
        await catch_up(w.worker(open_sink(w)))
        assert seen.seen[NAME].size == await w.size() == await anchored(w)


async def test_an_older_state_that_was_restored_denies(tmp_path: Path, open_sink: OpenSink) -> None:
    at = tmp_path / "a.db"
    async with world(f"sqlite:///{at}", Clock()) as w:
        await w.write(5)
    shutil.copy(at, tmp_path / "old.db")
    async with world(f"sqlite:///{at}", Clock()) as w:
        await w.write(5)
        await catch_up(w.worker(open_sink(w)))
    shutil.copy(tmp_path / "old.db", at)
    async with world(f"sqlite:///{at}", Clock()) as w:
        assert "saw 10 records, the log has 5: it was rolled back" in await w.compare(open_sink(w), "acme")
        assert "rolled back" in await problem(w)
        await w.write(7, note="another history")
        w.clock.after(11)
        with pytest.raises(ContradictedError):
            await open_sink(w).anchors.anchor("acme", *await newest(w))  # type: ignore[union-attr]
        assert "forked" in await w.compare(open_sink(w), "acme")


async def newest(w: World) -> tuple[int, bytes]:
    from app.audit.store import checkpoint

    found = await w.database.read(lambda tx: checkpoint(tx, "acme"))
    assert found is not None
    return found.size, found.note.encode()


async def test_a_fork_that_a_worker_meets_denies_by_itself(
    database_url: str, open_sink: OpenSink, seen: WitnessSimulator
) -> None:
    async with world(database_url, Clock()) as w:
        await w.write(5)
        worker = w.worker(open_sink(w))
        await catch_up(worker)
        seen.seen[NAME] = Checkpoint(NAME, 5, EMPTY_ROOT)
        await w.write(5)
        w.clock.after(11)
        with pytest.raises(RefusedError):
            await worker.turn()
        await worker.turn()
        assert "forked" in await problem(w)


@pytest.mark.parametrize(("status", "error"), [(503, UnavailableError), (403, RefusedError)])
async def test_a_witness_that_does_not_answer_anchors_nothing_and_refutes_nothing(
    database_url: str, open_sink: OpenSink, seen: WitnessSimulator, status: int, error: type[Exception]
) -> None:
    async with world(database_url, Clock()) as w:
        await w.write(5)
        worker = w.worker(open_sink(w))
        seen.failing = status
        with pytest.raises(error):
            await worker.turn()
        assert (await anchored(w), await problem(w)) == (0, "")
        seen.failing = 0
        await catch_up(worker)
        assert await anchored(w) == 5


async def test_a_cosignature_of_another_key_counts_for_nothing(database_url: str, seen: WitnessSimulator) -> None:
    address = await seen.start()
    stranger = WitnessKey("witness.example/one", PrivateKey.generate("ed25519").public)
    async with world(database_url, Clock()) as w:
        client = HttpWitness(address)
        sink = witness.sink("witness1", client, stranger, w.database, w.clock)
        await w.write(5)
        with pytest.raises(RefusedError, match="expected a valid cosignature"):
            await w.worker(sink).turn()
        assert await anchored(w) == 0
        await sink.close()


class Overtaken:
    """While it is asked, another replica shows the witness more, so many times."""

    def __init__(self, address: str, w: World, key: WitnessKey, times: int) -> None:
        self._witness = HttpWitness(address)
        self._w = w
        self._other = witness.sink("witness1", HttpWitness(address), key, w.database, w.clock)
        self._times = times

    async def add(self, old: int, proof: Sequence[bytes], checkpoint: bytes) -> str:
        if self._times:
            self._times -= 1
            await self._w.write(5)
            await self._other.anchors.anchor("acme", *await newest(self._w))  # type: ignore[union-attr]
        return await self._witness.add(old, proof, checkpoint)

    async def close(self) -> None:
        await self._witness.close()
        await self._other.close()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_log_that_grows_while_the_witness_is_asked_was_not_rolled_back(
    database_url: str, seen: WitnessSimulator, times: int
) -> None:
    address, key = await seen.start(), WitnessKey.parse(seen.vkey)
    async with world(database_url, Clock()) as w:
        await w.write(5)
        sink = witness.sink("witness1", Overtaken(address, w, key, times), key, w.database, w.clock)
        assert await w.compare(sink, "acme") == ""
        assert await problem(w) == ""
        await sink.close()


async def test_a_cosignature_of_the_far_future_counts_for_nothing(
    database_url: str, open_sink: OpenSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(database_url, Clock()) as w:
        await w.write(5)
        for later in (7_200.0, float(1 << 62)):
            monkeypatch.setattr("tests.sinks.test_witness.time", lambda later=later: AT / SECOND + later)
            with pytest.raises(RefusedError, match="yet to come"):
                await w.worker(open_sink(w)).turn()
        assert await anchored(w) == 0


@pytest.mark.parametrize(("size", "accepted"), [(100, True), (70_000, False)])
async def test_an_answer_that_comes_in_pieces_is_read_whole_and_one_too_long_is_refused(
    size: int, accepted: bool
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in (b"x" * (size - 1), b"y"):
            await response.write(part)
            await asyncio.sleep(0.02)
        return response

    app = web.Application()
    app.router.add_post("/add-checkpoint", answer)
    async with TestServer(app) as server:
        client = HttpWitness(str(server.make_url("/")), timeout_s=5)
        if accepted:
            assert len(await client.add(0, (), b"")) == size
        else:
            with pytest.raises(RefusedError, match="more than"):
                await client.add(0, (), b"")
        await client.close()


async def test_a_tree_that_cannot_be_proven_to_the_witness_denies(tmp_path: Path, open_sink: OpenSink) -> None:
    path = tmp_path / "a.db"
    async with world(f"sqlite:///{path}", Clock()) as w:
        await w.write(5)
        await catch_up(w.worker(open_sink(w)))
        await w.write(5)
    with unguarded(path) as connection:
        connection.execute("UPDATE records SET leaf = zeroblob(32) WHERE log = 'acme' AND seq = 7")
    async with world(f"sqlite:///{path}", Clock()) as w:
        assert "has not the root that was signed" in await w.compare(open_sink(w), "acme")
        assert "has not the root that was signed" in await problem(w)


async def test_a_log_whose_tree_was_altered_keeps_no_other_from_its_anchors(
    tmp_path: Path, seen: WitnessSimulator, open_sink: OpenSink
) -> None:
    other = origin(DEFAULT_ORIGIN, "zeta")
    seen._logs[other] = VerifierKey(other, KEY.public)
    path = tmp_path / "a.db"
    async with world(f"sqlite:///{path}", Clock()) as w:
        worker = w.worker(open_sink(w))
        await w.write(5)
        await catch_up(worker)
        await w.write(5)
        await w.write(5, "zeta")
        with unguarded(path) as connection:
            connection.execute("UPDATE records SET leaf = zeroblob(32) WHERE log = 'acme' AND seq = 7")
        w.clock.after(11)
        for _ in range(2):
            with contextlib.suppress(TreeAlteredError):
                await worker.turn()
        assert seen.seen[other].size == 5
        assert "has not the root that was signed" in await problem(w)
