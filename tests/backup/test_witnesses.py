"""A witness that saw more than a backup has is heard before anything is restored, and signs nothing new for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.audit.store import checkpoint, records_of
from app.backup.errors import BackupError, NewerStateError
from app.backup.own_keys import log_keys
from app.backup.records import GIVEN_UP, GivenUp
from app.backup.restore import Restored, Wish, restore
from app.backup.witnesses import Asked
from app.clock import SECOND
from app.sinks import worm
from app.sinks.model import Sink
from integrations.objectlock.local import LocalWorm
from integrations.witness.client import HttpWitness
from integrations.witness.simulator import WitnessSimulator
from manifests.checkpoint import Checkpoint, parse
from manifests.keys import PrivateKey
from manifests.merkle import EMPTY_ROOT
from manifests.note import VerifierKey
from tests.audit.made import AT
from tests.backup.made import backed_up, deliver, fill, quiet, service, settings, write
from tests.sinks.made import Clock

NAME = origin(DEFAULT_ORIGIN, "acme")


class Lost:
    """A backup of 20 records of acme, and a witness that was shown the log at some sizes since."""

    def __init__(self, folder: Path, backup: Path, seen: WitnessSimulator, asked: Asked) -> None:
        self.folder = folder
        self.backup = backup
        self.seen = seen
        self.asked = asked

    async def show(self, sink: Sink | None = None, more: int = 0) -> None:
        """The witness sees the log with so many more records; ``sink`` then has them too."""
        clock = Clock()
        async with service(f"sqlite:///{self.folder}/a.db", self.folder, clock) as database:
            if more:
                await write(database, 20, more)
            newest = await database.read(lambda tx: checkpoint(tx, "acme"))
            assert newest is not None
            self.seen.seen[NAME] = parse(newest.note.encode())[0]
            if sink is not None:
                clock.after(31)
                await deliver(database, sink, clock)

    async def restored(self, *sinks: Sink, **options: Any) -> Restored:
        wish = Wish(self.backup, f"sqlite:///{self.folder}/b.db", **options)
        mine = settings(wish.database, self.folder)
        return await restore(wish, mine, sinks, Clock(AT + 60 * SECOND), quiet, [self.asked])

    @property
    def known(self) -> int:
        return self.seen.seen[NAME].size if NAME in self.seen.seen else 0


@pytest.fixture
async def lost(tmp_path: Path) -> AsyncIterator[Lost]:
    url = f"sqlite:///{tmp_path}/a.db"
    await fill(url, tmp_path)
    made = await backed_up(url, tmp_path)
    (key,) = log_keys(settings(url, tmp_path))
    logs = {NAME: VerifierKey(NAME, key)}
    seen = WitnessSimulator("witness.example/one", PrivateKey.generate("ed25519"), logs)
    client = HttpWitness(await seen.start(), timeout_s=5)
    yield Lost(tmp_path, made.folder, seen, Asked("witness.example/one", client))
    await client.close()
    await seen.stop()


async def test_records_that_only_a_witness_saw_are_missed(lost: Lost) -> None:
    await lost.show(more=5)
    with pytest.raises(NewerStateError, match=r"has 20 records, witness.example/one, a witness, saw 25: 5 are missing"):
        await lost.restored()
    assert not (lost.folder / "b.db").exists()
    done = await lost.restored(accept_rollback=True, reason="the disk is gone")
    assert [(gap.log, gap.have, gap.size) for gap in done.given_up] == [("acme", 20, 25)]
    assert done.compared
    async with service(f"sqlite:///{lost.folder}/b.db", lost.folder) as database:
        (one,) = await database.read(lambda tx: records_of(tx, "acme", GIVEN_UP))
    said = msgspec.json.decode(one.data, type=GivenUp)
    assert (said.first, said.end, said.checkpoint) == (20, 25, "")


async def test_what_segments_bring_back_answers_the_witness(tmp_path: Path, lost: Lost) -> None:
    sink = worm.sink("folder", LocalWorm(tmp_path / "worm"), 10, Clock())
    await lost.show(sink, more=5)
    done = await lost.restored(sink, replay=True)
    assert (done.replayed, done.given_up, lost.known) == (5, (), 25)


@pytest.mark.parametrize("known", ["nothing", "less", "the same"])
async def test_one_that_knows_no_more_has_nothing_against_it_and_signs_nothing_new(lost: Lost, known: str) -> None:
    if known == "the same":
        await lost.show()
    elif known == "less":
        lost.seen.seen[NAME] = Checkpoint(NAME, 7, EMPTY_ROOT)
    before = dict(lost.seen.seen)
    done = await lost.restored()
    assert (done.given_up, done.compared, lost.seen.seen) == ((), True, before)


async def test_another_tree_of_the_same_size_is_a_fork(lost: Lost) -> None:
    lost.seen.seen[NAME] = Checkpoint(NAME, 20, EMPTY_ROOT)
    with pytest.raises(NewerStateError, match="a witness, vouches for another history"):
        await lost.restored(accept_rollback=True, reason="no")


@pytest.mark.parametrize("status", [403, 503])
async def test_silence_is_not_taken_for_an_answer(lost: Lost, status: int) -> None:
    lost.seen.failing = status
    with pytest.raises(BackupError, match="Mend that first"):
        await lost.restored()
