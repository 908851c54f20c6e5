"""Keys are replaced while the log is written, on both databases: nothing is lost, and everybody can follow."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.keys.errors import ServerKeyError
from app.keys.keeper import GATE_OVERLAP, Revocation
from app.keys.model import KeyUse
from manifests import key_history, key_times, note
from manifests.keys import PrivateKey
from tests.keys.made import DAY_S, LOGS, Clock, Opened, opened, settings_for
from tests.shell.opened import records_of

EVERY = (*LOGS, "system")


def fingerprint(key: PrivateKey) -> str:
    return key.public.fingerprint


def held(at: Opened, use: KeyUse) -> list[str]:
    return [fingerprint(key) for key in at.ring.of(use).all()]


async def test_both_keys_sign_from_the_record_on_until_the_old_one_is_retired(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        old = at.ring.log
        change = await at.keeper.rotate("log", "token:1")
        new = at.ring.log
        assert (change.old, change.new) == (fingerprint(old), fingerprint(new))
        assert set(change.logs) == set(EVERY)
        await at.write("acme")
        clock.forward(7 * DAY_S - 1)
        await at.keeper.advance()
        await at.write("acme")
        clock.forward(1)
        await at.keeper.advance()
        await at.write("acme")
        one, both, other = ({fingerprint(old)}, {fingerprint(old), fingerprint(new)}, {fingerprint(new)})
        assert await at.signers("acme") == [one, both, both, both, other, other]
        for log in EVERY:
            await at.expect_sound(log, old.public)
            await at.expect_sound(log, new.public)


async def test_the_records_of_a_rotation_are_in_every_log(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        await at.keeper.rotate("log", "token:1")
        clock.forward(8 * DAY_S)
        await at.keeper.advance()
        for log in EVERY:
            told = [
                one
                for one in await records_of(at.database, log)
                if one.event != "key.created" and one.component == "keys"
            ]
            assert [(one.event, one.actor_ref) for one in told] == [
                ("key.rotated", "token:1"), ("key.retired", "service:countersign"),
            ]  # fmt: skip


async def test_a_rotation_under_load_loses_nothing(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock, logs=("acme",)) as at:
        first, done = at.ring.log.public, asyncio.Event()

        async def produce() -> int:
            written = 0
            while not done.is_set() or written < 20:
                await at.write("acme")
                written += 1
            return written

        producers = [asyncio.create_task(produce()) for _ in range(8)]
        for _ in range(3):
            await at.keeper.rotate("log", "token:1")
            clock.forward(8 * DAY_S)
            await at.keeper.advance()
        done.set()
        count = 1 + sum(await asyncio.gather(*producers))
        told = await records_of(at.database, "acme")
        assert [one.seq for one in told] == list(range(len(told)))
        assert sum(one.component == "gate" for one in told) == count
        assert len((await at.told("acme")).periods) == 4
        await at.expect_sound("acme", first)
        await at.expect_sound("acme", at.ring.log.public)


async def test_a_log_that_begins_after_a_rotation_is_signed_by_the_new_key_alone(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(settings_for(database_url, tmp_path), Clock()) as at:
        await at.keeper.rotate("log", "token:1")
        await at.write("initech")
        assert await at.signers("initech") == [{fingerprint(at.ring.log)}]


async def test_a_second_rotation_waits_for_the_end_of_the_first(database_url: str, tmp_path: Path) -> None:
    async with opened(settings_for(database_url, tmp_path), Clock()) as at:
        await at.keeper.rotate("log", "token:1")
        with pytest.raises(ServerKeyError, match="wait for the end of the overlap"):
            await at.keeper.rotate("log", "token:1")


async def test_a_preview_changes_nothing(database_url: str, tmp_path: Path) -> None:
    async with opened(settings_for(database_url, tmp_path), Clock()) as at:
        before = at.ring.log.public
        change = await at.keeper.rotate("log", "token:1", preview=True)
        assert not change.done
        assert set(change.logs) == set(EVERY)
        assert at.ring.log.public == before
        assert not at.ring.directory.path("log", "next").exists()
        assert len(await at.checkpoints("acme")) == 1


@pytest.mark.parametrize(("days", "age_days", "rotates"), [(30, 29, False), (30, 30, True), (0, 400, False)])
async def test_the_scheduler_replaces_a_key_that_is_old_enough(
    tmp_path: Path, days: int, age_days: int, rotates: bool
) -> None:
    clock = Clock()
    settings = settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path, {"rotate_days": days})
    async with opened(settings, clock) as at:
        before = at.ring.log.public
        clock.forward(age_days * DAY_S)
        await at.keeper.due()
        assert (at.ring.log.public != before) == rotates
        await at.keeper.due()
        assert len((await at.told("acme")).periods) == 1 + rotates


async def test_an_old_key_is_gone_after_its_overlap_and_its_public_part_is_kept(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        old, directory = at.ring.log.public, at.ring.directory
        await at.keeper.rotate("log", "token:1")
        assert directory.read("log", "previous") is not None
        clock.forward(8 * DAY_S)
        await at.keeper.advance()
        assert directory.read("log", "previous") is None
        assert set(directory.archived("log")) == {old, at.ring.log.public}


async def test_what_a_retired_key_signs_later_is_refused(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        old = at.ring.log
        await at.keeper.rotate("log", "token:1")
        clock.forward(8 * DAY_S)
        await at.keeper.advance()
        await at.write("acme")
        newest = (await at.checkpoints("acme"))[-1].note.partition("\n\n")[0] + "\n"
        history = await at.told("acme")
        forged = note.sign(newest, [(history.origin, old)]).encode()
        with pytest.raises(Exception, match="keys that may not"):
            key_history.judge(history, forged)


async def test_a_leaked_key_is_replaced_and_destroyed_at_once(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        leaked = at.ring.log
        await at.write("acme")
        await at.write("acme")
        change = await at.keeper.revoke(
            Revocation(fingerprint(leaked), "seen in a paste", {"acme": 2, "globex": 1, "system": 1}), "token:1"
        )
        assert change.sizes == {"acme": 2, "globex": 1, "system": 1}
        new = at.ring.log
        assert new.public != leaked.public
        assert held(at, "log") == [fingerprint(new)]
        await at.write("acme")
        history = await at.told("acme")
        assert [len(history.acceptable(size)) for size in range(1, 7)] == [1, 1, 0, 1, 1, 1]
        assert await at.signers("acme") == [{fingerprint(leaked)}] * 3 + [{fingerprint(new)}] * 2
        for log in EVERY:
            await at.expect_sound(log, new.public)


async def test_a_key_is_revoked_from_an_instant_on_in_every_log(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        leaked = at.ring.log
        clock.forward(60)
        since = clock()
        await at.write("acme", 3)
        change = await at.keeper.revoke(Revocation(fingerprint(leaked), "leaked", since=since), "token:1")
        assert change.sizes == {"acme": 1, "globex": 1, "system": 2}


async def test_a_key_that_leaked_during_an_overlap_is_revoked_while_the_other_signs_on(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        old = at.ring.log
        await at.keeper.rotate("log", "token:1")
        leaked = at.ring.log
        await at.keeper.revoke(Revocation(fingerprint(leaked), "leaked", since=clock()), "token:1")
        new = at.ring.log
        await at.write("acme")
        assert (await at.signers("acme"))[-1] == {fingerprint(old), fingerprint(new)}
        clock.forward(8 * DAY_S)
        await at.keeper.advance()
        await at.write("acme")
        assert (await at.signers("acme"))[-1] == {fingerprint(new)}
        await at.expect_sound("acme", new.public)
        assert held(at, "log") == [fingerprint(new)]


async def test_an_archived_key_can_still_be_revoked(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        old = at.ring.log
        await at.keeper.rotate("log", "token:1")
        clock.forward(8 * DAY_S)
        await at.keeper.advance()
        new = at.ring.log
        await at.keeper.revoke(Revocation(fingerprint(old), "an old backup was stolen", since=clock()), "token:1")
        assert at.ring.log.public == new.public
        period = (await at.told("acme")).period(fingerprint(old))
        assert period is not None
        assert period.counts_to == 2


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Revocation("SHA256:unknown", "x", since=1), "expected the fingerprint of a key of this server"),
        (Revocation("", "", since=1), "expected a reason"),
        (Revocation("", "x"), "expected a size for every log"),
        (Revocation("", "x", {"acme": 1}), "found none for globex"),
        (Revocation("", "x", {"acme": 1, "globex": 1, "system": 2, "other": 1}), "found one for other"),
        (Revocation("", "x", {"acme": 9, "globex": 1, "system": 2}), "expected a size of log acme up to 1, found 9"),
    ],
    ids=["unknown", "no reason", "no place", "a log left out", "a strange log", "beyond the end"],
)
async def test_a_revocation_that_says_too_little_changes_nothing(tmp_path: Path, wanted: Revocation, told: str) -> None:
    async with opened(settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path), Clock()) as at:
        name = wanted.fingerprint or fingerprint(at.ring.log)
        with pytest.raises(ServerKeyError, match=told):
            await at.keeper.revoke(Revocation(name, wanted.reason, wanted.sizes, wanted.since), "token:1")
        assert not at.ring.directory.path("log", "next").exists()
        assert len(await at.checkpoints("acme")) == 1


async def test_the_gates_key_rotates_and_what_it_signed_still_counts(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        old = at.ring.gate
        clock.forward(60)
        signed_at = clock()
        clock.forward(60)
        await at.keeper.rotate("gate", "token:1")
        new = at.ring.gate
        assert new.public != old.public
        clock.forward(GATE_OVERLAP / 1_000_000)
        await at.keeper.advance()
        for log in EVERY:
            terms = key_times.read(await records_of(at.database, log))
            counting = {term.key.fingerprint for term in terms if term.counts(signed_at)}
            assert fingerprint(old) in counting
            assert {term.key.fingerprint for term in terms if term.counts(clock() + 1)} == {fingerprint(new)}
        assert held(at, "gate") == [fingerprint(new)]


async def test_a_leaked_key_of_the_gate_is_void_from_an_instant_on(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with opened(settings_for(database_url, tmp_path), clock) as at:
        leaked, since = at.ring.gate, clock() + 5
        clock.forward(60)
        await at.keeper.revoke(Revocation(fingerprint(leaked), "leaked", since=since), "token:1")
        for log in EVERY:
            (term,) = [one for one in key_times.read(await records_of(at.database, log)) if one.key == leaked.public]
            assert (term.counts(since - 1), term.counts(since + 1)) == (True, False)
        assert held(at, "gate") == [fingerprint(at.ring.gate)]
        assert at.ring.gate.public != leaked.public


async def test_a_key_that_is_lost_is_told_at_start_and_can_be_revoked(database_url: str, tmp_path: Path) -> None:
    clock, settings = Clock(), settings_for(database_url, tmp_path)
    async with opened(settings, clock) as at:
        lost = at.ring.log
        at.ring.directory.path("log").unlink()
    with pytest.raises(ServerKeyError, match="If the old key is lost"):
        async with opened(settings, clock):
            pass
    async with opened(settings, clock, logs=(), strict=False) as at:
        await at.keeper.revoke(Revocation(fingerprint(lost), "lost", since=clock() + 1), "service:operator")
    async with opened(settings, clock) as at:
        await at.expect_sound("acme", at.ring.log.public)
        period = (await at.told("acme")).period(fingerprint(lost))
        assert period is not None
        assert period.counts_to == 1


async def test_two_replicas_that_replace_the_key_at_once_agree(postgres_url: str, tmp_path: Path) -> None:
    settings, clock = settings_for(postgres_url, tmp_path), Clock()
    async with opened(settings, clock) as one, opened(settings, clock) as other:
        first = one.ring.log.public
        rotations = (at.keeper.rotate("log", "token:1") for at in (one, other))
        done = await asyncio.gather(*rotations, return_exceptions=True)
        refused = [str(error) for error in done if isinstance(error, ServerKeyError)]
        assert all("under way" in error for error in refused), refused
        clock.forward(8 * DAY_S)
        await asyncio.gather(one.keeper.advance(), other.keeper.advance(), one.write("acme"), other.write("acme"))
        assert len((await one.told("acme")).periods) == 2
        await one.expect_sound("acme", first)
