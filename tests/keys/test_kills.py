"""A change of keys that dies at any step goes on by itself at the next start."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from app.audit.sequence import LogSequencer
from app.clock import now
from app.db.database import Database
from app.db.tx import Tx
from app.keys import durable
from app.keys.keeper import Keeper, Revocation
from app.keys.ring import KeyRing
from app.keys.signers import LogSigners
from manifests import key_history
from manifests.keys import PrivateKey, PublicKey
from manifests.record import Draft
from tests.db.opened import opened as database_opened
from tests.keys.kills import CountedDatabase, CountedOs, Killed, Steps, raise_killed
from tests.keys.made import DAY_S, LOGS, Clock, Opened, opened, settings_for
from tests.shell.opened import records_of

Change = Callable[[Keeper, Opened], Any]
EVERY = (*LOGS, "system")


async def rotation(keeper: Keeper, at: Opened) -> None:
    await keeper.rotate("log", "token:1")
    at.clock.forward(8 * DAY_S)
    await keeper.advance()


async def gate_rotation(keeper: Keeper, at: Opened) -> None:
    await keeper.rotate("gate", "token:1")
    at.clock.forward(DAY_S)
    await keeper.advance()


async def revocation(keeper: Keeper, at: Opened) -> None:
    await keeper.revoke(Revocation(at.ring.log.public.fingerprint, "leaked", since=at.clock()), "token:1")


class Restarted:
    """One database that stays open while the process around it, its keys and their keeper, begins anew."""

    def __init__(self, folder: Path) -> None:
        self.settings = settings_for(f"sqlite:///{folder}/a.db", folder)
        self.clock = Clock()
        # What was left unfinished is swept by its age, which the file system tells.
        self.clock.now = now()
        self.ring = KeyRing.open(self.settings.keys)

    def signers(self, tx: Tx, log: str, drafts: Sequence[Draft]) -> Sequence[PrivateKey]:
        return LogSigners(self.ring)(tx, log, drafts)

    async def start(self, database: Database) -> Opened:
        self.ring = KeyRing.open(self.settings.keys, self.clock)
        keeper = Keeper(database, self.ring, self.settings.keys, self.clock)
        await keeper.open()
        return Opened(database, self.ring, keeper, self.clock)

    async def run(self, database: Database, change: Change, kill_at: int | None, patch: pytest.MonkeyPatch) -> int:
        """How many steps were taken until the change was done or killed."""
        at, steps = await self.start(database), Steps(kill_at, raise_killed)
        with patch.context() as patched:
            patched.setattr(durable, "os", CountedOs(steps))
            keeper = Keeper(cast(Any, CountedDatabase(database, steps)), at.ring, self.settings.keys, self.clock)
            try:
                await change(keeper, at)
            except Killed:
                assert kill_at == steps.count
            else:
                assert kill_at is None
        return steps.count


@pytest.mark.parametrize("change", [rotation, gate_rotation, revocation], ids=lambda change: change.__name__)
async def test_a_change_that_dies_at_any_step_is_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    service = Restarted(tmp_path)
    async with database_opened(f"sqlite:///{tmp_path}/a.db", LogSequencer(service.signers)) as database:
        at = await service.start(database)
        for log in LOGS:
            await at.write(log)
        count = await service.run(database, change, None, monkeypatch)
        assert count > 10
        for step in range(count):
            told = len(await records_of(database, "acme"))
            await service.run(database, change, step, monkeypatch)
            await service.start(database)
            service.clock.forward(20 * DAY_S)
            await expect_settled(await service.start(database), tmp_path / "keys", told)
        await at.expect_sound("acme", service.ring.log.public)


async def expect_settled(at: Opened, folder: Path, told: int) -> None:
    """One key of each use, nothing else in the folder, and each step told once from record ``told`` on."""
    assert len(at.ring.of("log").all()) == len(at.ring.of("gate").all()) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["archive", "gate.pem", "log.pem"]
    events = [one.event for one in (await records_of(at.database, "acme"))[told:]]
    assert len(events) == len(set(events))
    for log in EVERY:
        assert (await at.told(log)).signing() == (at.ring.log.public,)
    judged = key_history.judge(await at.told("acme"), (await at.checkpoints("acme"))[-1].note.encode())
    assert judged.by == {at.ring.log.public.fingerprint}


@pytest.mark.parametrize("step", [2, 3, 5])
async def test_a_rotation_that_is_killed_goes_on_at_the_next_start(tmp_path: Path, step: int) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    arguments = [sys.executable, "-m", "tests.keys.child", url, str(tmp_path), str(step)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    old = PublicKey.from_openssh(done.stdout.strip())
    async with opened(settings_for(url, tmp_path), Clock()) as at:
        assert at.ring.log.public != old
        for log in LOGS:
            await at.expect_sound(log, old)


async def test_a_rotation_that_dies_between_its_steps_goes_on_beside_other_replicas(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, clock = settings_for(postgres_url, tmp_path), Clock()
    async with opened(settings, clock) as one, opened(settings, clock, logs=()) as two:
        old = one.ring.log.public
        steps = Steps(3, raise_killed)
        with monkeypatch.context() as patched:
            patched.setattr(durable, "os", CountedOs(steps))
            keeper = Keeper(cast(Any, CountedDatabase(one.database, steps)), one.ring, settings.keys, clock)
            with pytest.raises(Killed):
                await keeper.rotate("log", "token:1")
        await two.write("acme")
        await two.keeper.advance()
        await two.write("acme")
        assert two.ring.log.public != old
        clock.forward(8 * DAY_S)
        await two.keeper.advance()
        await one.write("acme")
        await one.expect_sound("acme", old)
        assert (await one.signers("acme"))[-1] == {two.ring.log.public.fingerprint}
