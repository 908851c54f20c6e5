"""Verification and anchors after keys were replaced: old checkpoints still count, forged ones do not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.audit.sequence import DEFAULT_ORIGIN, LogSequencer, origin
from app.db.tx import Tx
from app.keys.errors import ServerKeyError
from app.keys.keeper import Revocation
from app.keys.model import KeySet, ServerKeys
from app.keys.ring import KeyRing
from app.keys.signers import LogSigners
from app.metrics import Metrics
from app.settings.model import KeySettings
from app.sinks.compare import Comparison
from app.sinks.model import Anchor as Found
from app.sinks.model import Sink
from app.verification.report import Report
from app.verification.verify import Anchor, verify
from manifests import checkpoint, note
from manifests.checkpoint import Checkpoint
from manifests.keys import PrivateKey, PublicKey
from manifests.record import Draft
from tests.db.opened import opened as database_opened
from tests.keys import logs
from tests.keys.made import DAY_S, Clock, Opened, draft, opened, settings_for

NOW = Clock().now


async def verified(url: str, *keys: PublicKey, anchors: Sequence[Anchor] = ()) -> Report:
    """On a thread, as verification blocks."""
    return await asyncio.to_thread(verify, url, keys, clock=lambda: NOW, anchors=anchors, thorough=True, blobs=False)


async def rotated(at: Opened) -> PrivateKey:
    """The key that signed first, after it was replaced and retired."""
    old = at.ring.log
    await at.keeper.rotate("log", "token:1")
    await at.write("acme")
    at.clock.forward(8 * DAY_S)
    await at.keeper.advance()
    await at.write("acme")
    return old


async def rewrite(at: Opened, size: int, signed: str) -> None:
    """Past the guards, as whoever owns the file can."""

    def unit(tx: Tx) -> None:
        for one in tx.all(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'checkpoints'")
        ):
            tx.run(text(f"DROP TRIGGER {one.name}"))
        tx.run(text("UPDATE checkpoints SET note = :note WHERE log = 'acme' AND size = :size"), note=signed, size=size)

    await at.database.write(unit)


async def test_a_log_verifies_by_its_first_key_and_by_its_newest(database_url: str, tmp_path: Path) -> None:
    async with opened(settings_for(database_url, tmp_path), Clock()) as at:
        old, new = (await rotated(at)).public, at.ring.log.public
    for key in (old, new):
        assert (await verified(database_url, key)).findings == ()


async def test_a_log_does_not_verify_by_a_key_that_never_signed_it(database_url: str, tmp_path: Path) -> None:
    async with opened(settings_for(database_url, tmp_path), Clock()) as at:
        await rotated(at)
    assert (await verified(database_url, PrivateKey.generate("ed25519").public)).exit_code == 1


async def test_a_checkpoint_that_was_signed_again_with_a_retired_key_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    async with opened(settings_for(url, tmp_path), Clock()) as at:
        old = await rotated(at)
        newest = (await at.checkpoints("acme"))[-1]
        parsed = checkpoint.parse(newest.note.encode())[0]
        name = origin(DEFAULT_ORIGIN, "acme")
        await rewrite(at, newest.size, note.sign(parsed.text(), [(name, old)]).encode().decode())
        report = await verified(url, old.public)
    (found,) = [one for one in report.findings if one.code == "audit.checkpoint_altered"]
    assert f"checkpoint {newest.size} of log acme" in found.message
    assert "keys that may not" in found.message


async def test_what_a_revoked_key_signed_is_vouched_for_by_the_next_one(database_url: str, tmp_path: Path) -> None:
    async with opened(settings_for(database_url, tmp_path), Clock()) as at:
        leaked = at.ring.log.public
        await at.write("acme")
        taken_back = (await at.checkpoints("acme"))[-1]
        sizes = {"acme": 1, "globex": 1, "system": 2}
        await at.keeper.revoke(Revocation(leaked.fingerprint, "leaked", sizes), "token:1")
        await at.write("acme")
        new = at.ring.log.public
    assert (await verified(database_url, new)).findings == ()
    assert (await verified(database_url, leaked)).exit_code == 1
    anchored = await verified(database_url, new, anchors=[Anchor("old.txt", taken_back.note.encode())])
    assert [one.code for one in anchored.findings] == ["audit.anchor_unreadable"]


async def test_a_log_that_was_taken_back_over_a_rotation_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    async with opened(settings_for(url, tmp_path), Clock()):
        pass
    before = (tmp_path / "a.db").read_bytes()
    async with opened(settings_for(url, tmp_path), Clock()) as at:
        await rotated(at)
        anchor = Anchor("anchor", (await at.checkpoints("acme"))[-1].note.encode())
        new = at.ring.log.public
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"a.db{suffix}").unlink(missing_ok=True)
    (tmp_path / "a.db").write_bytes(before)
    report = await verified(url, new, anchors=[anchor])
    assert "audit.rolled_back" in {one.code for one in report.findings}


class Kept:
    """Anchors that somebody kept, old ones among them."""

    interval_us = 0

    def __init__(self, *notes: bytes) -> None:
        self.notes = notes

    async def anchor(self, log: str, size: int, note: bytes) -> str:
        raise AssertionError("nothing is anchored here")

    async def newest(self, log: str, since: str) -> Sequence[Found]:
        return [Found(log, one, f"anchor {place}") for place, one in enumerate(self.notes)]

    async def contradicts(self, log: str) -> str:
        return ""


async def nothing_wrong() -> Sequence[str]:
    return ()


async def compared(at: Opened, *notes: bytes) -> tuple[str, float]:
    """What the anchors refute, and how many alarms there were."""
    metrics = Metrics()
    compare = Comparison(at.database, at.ring.verifiers, at.clock, metrics)
    problem = await compare(Sink("kept", nothing_wrong, at.database.close, anchors=Kept(*notes)), "acme")
    return problem, metrics.alarms.labels(kind="anchor")._value.get()


async def test_anchors_of_keys_that_were_replaced_still_count(database_url: str, tmp_path: Path) -> None:
    async with opened(settings_for(database_url, tmp_path), Clock()) as at:
        old = await rotated(at)
        stored = await at.checkpoints("acme")
        assert await compared(at, *(one.note.encode() for one in stored)) == ("", 0)
        name, size = origin(DEFAULT_ORIGIN, "acme"), stored[0].size
        forked = Checkpoint(name, size, b"f" * 32)
        problem, _ = await compared(at, checkpoint.sign(forked, [(name, old)]))
        assert "forked" in problem


async def test_an_anchor_that_a_retired_key_signs_later_refutes_nothing(tmp_path: Path) -> None:
    async with opened(settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path), Clock()) as at:
        old = await rotated(at)
        name = origin(DEFAULT_ORIGIN, "acme")
        forged = Checkpoint(name, 1_000, b"f" * 32)
        problem, alarms = await compared(at, checkpoint.sign(forged, [(name, old)]))
        assert (problem, alarms) == ("", 1)
        problem, _ = await compared(at, checkpoint.sign(forged, [(name, at.ring.log)]))
        assert "rolled back" in problem


STEP = st.one_of(
    st.tuples(st.just("plain"), st.just(0), st.just(0)),
    st.tuples(st.just("rotated"), st.integers(0, 7), st.integers(0, 7)),
    st.tuples(st.just("retired"), st.integers(0, 7), st.just(0)),
    st.tuples(st.just("revoked"), st.integers(0, 7), st.integers(0, 9)),
)


class AllKeys(KeyRing):
    """A ring that holds every key of these tests."""

    def __init__(self, folder: Path) -> None:
        gate = PrivateKey.generate("ecdsa-p256")
        super().__init__(
            KeySettings.model_validate({"directory": folder, "log": "given", "gate": "given"}),
            ServerKeys(KeySet(gate), KeySet(logs.KEYS[0])),
        )

    def find(self, use: str, fingerprint: str) -> PrivateKey | None:
        return next((key for key in logs.KEYS if key.public.fingerprint == fingerprint), None)


def drafts_of(steps: Sequence[tuple[str, int, int]]) -> list[Draft]:
    makers = {
        "plain": lambda first, second: draft(NOW),
        "rotated": lambda first, second: logs.rotated(logs.KEYS[first], logs.KEYS[second]),
        "retired": lambda first, second: logs.retired(logs.KEYS[first]),
        "revoked": lambda first, second: logs.revoked(logs.KEYS[first], second),
    }
    return [makers[event](first, second) for event, first, second in steps]


@pytest.mark.parametrize("batch", [1, 3])
def test_the_keys_that_sign_are_those_that_the_records_allow(tmp_path: Path, batch: int) -> None:
    """Whatever is recorded, in whatever batches: the writer and a stranger read the same from it."""
    signers = LogSigners(AllKeys(tmp_path))

    def unit(tx: Tx, steps: Sequence[tuple[str, int, int]]) -> None:
        tx.run(text("DELETE FROM log_keys"))
        found = [logs.rotated(logs.KEYS[0], logs.KEYS[1]), *drafts_of(steps)]
        told = logs.Log()
        for start in range(0, len(found), batch):
            part = found[start : start + batch]
            told.add(*part)
            allowed = {key.fingerprint for key in told.history().signing()}
            try:
                signing = {key.public.fingerprint for key in signers(tx, logs.LOG, part)}
            except ServerKeyError:
                signing = set()
            assert signing == allowed
            if not allowed:
                return

    @settings(max_examples=60, deadline=None)
    @given(st.lists(STEP, max_size=10))
    def holds(steps: list[tuple[str, int, int]]) -> None:
        runner.run(database.write(partial(unit, steps=steps)))

    with asyncio.Runner() as runner:
        context = database_opened(f"sqlite:///{tmp_path}/a.db", LogSequencer(signers))
        database = runner.run(context.__aenter__())
        holds()
        runner.run(context.__aexit__(None, None, None))
