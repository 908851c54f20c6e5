"""People's keys: wrapped under a key that the database does not have, one at a time, gone when destroyed."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.privacy import kek, keys
from app.privacy.errors import SealKeyError
from app.privacy.kek import SealKeys
from app.privacy.keys import SubjectKeys
from app.privacy.zeroing import empty_wal
from app.settings.model import KeySettings, PrivacySettings, Settings
from tests.privacy.world import AT, LOG, SEAL_KEYS, World, world

OTHER = SealKeys(bytes(32))


async def test_a_subject_has_one_current_key_until_it_is_destroyed(database_url: str) -> None:
    async with world(database_url) as at:
        first = await at.database.write(lambda tx: at.keys.current(tx, LOG, "p1"))
        assert await at.database.write(lambda tx: at.keys.current(tx, LOG, "p1")) == first
        assert await at.database.read(lambda tx: at.keys.by_id(tx, LOG, first.id)) == first
        other = await at.database.write(lambda tx: at.keys.current(tx, LOG, "p2"))
        assert other.key != first.key
        await at.database.write(lambda tx: keys.destroy(tx, LOG, [first.id], AT))
        assert await at.database.read(lambda tx: at.keys.by_id(tx, LOG, first.id)) is None
        again = await at.database.write(lambda tx: at.keys.current(tx, LOG, "p1"))
        assert (again.id, again.key) != (first.id, first.key)
        assert await at.database.read(lambda tx: keys.ids_of(tx, LOG, "p1")) == (first.id, again.id)
        assert await at.database.read(lambda tx: at.keys.by_id(tx, LOG, other.id)) == other


async def test_two_who_are_first_at_once_get_the_same_key(database_url: str) -> None:
    async with world(database_url) as at:
        found = await asyncio.gather(*(at.database.write(lambda tx: at.keys.current(tx, LOG, "p1")) for _ in range(8)))
        assert len({one.id for one in found}) == 1


async def test_without_the_sealing_key_nothing_opens(database_url: str) -> None:
    async with world(database_url) as at:
        made = await at.database.write(lambda tx: at.keys.current(tx, LOG, "p1"))
        stranger = SubjectKeys(OTHER, at.clock)
        with pytest.raises(SealKeyError, match="former_seal_keys"):
            await at.database.read(lambda tx: stranger.by_id(tx, LOG, made.id))


async def test_a_wrapped_key_moved_to_somebody_else_is_refused(database_url: str) -> None:
    async with world(database_url) as at:
        made = await at.database.write(lambda tx: at.keys.current(tx, LOG, "p1"))
        await at.run("UPDATE subject_keys SET person = 'p2'")
        with pytest.raises(SealKeyError, match="tampering"):
            await at.database.read(lambda tx: at.keys.by_id(tx, LOG, made.id))


async def test_a_new_sealing_key_takes_over_what_the_former_wrapped(database_url: str) -> None:
    async with world(database_url) as at:
        made = await at.database.write(lambda tx: at.keys.current(tx, LOG, "p1"))
        both = SubjectKeys(SealKeys(OTHER.current, (SEAL_KEYS.current,)), at.clock)
        assert await at.database.write(both.rewrap) == 1
        assert await at.database.write(both.rewrap) == 0
        alone = SubjectKeys(OTHER, at.clock)
        assert await at.database.read(lambda tx: alone.by_id(tx, LOG, made.id)) == made
        with pytest.raises(SealKeyError):
            await at.database.read(lambda tx: at.keys.by_id(tx, LOG, made.id))


async def test_the_file_of_the_database_holds_no_trace_of_a_destroyed_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"

    async def wrapped(at: World) -> bytes:
        from sqlalchemy import text

        row = await at.database.read(lambda tx: tx.first(text("SELECT wrapped FROM subject_keys")))
        assert row is not None
        return bytes(row.wrapped)

    async with world(url) as at:
        made = await at.database.write(lambda tx: at.keys.current(tx, LOG, "p1"))
        before = await wrapped(at)
        await empty_wal(url)
        assert before in (tmp_path / "one.db").read_bytes()
        await at.database.write(lambda tx: keys.destroy(tx, LOG, [made.id], AT))
        await empty_wal(url)
        for file in tmp_path.iterdir():
            assert before not in file.read_bytes()
    with closing(sqlite3.connect(tmp_path / "one.db")) as connection:
        assert connection.execute("SELECT wrapped, destroyed_at FROM subject_keys").fetchall() == [(b"", AT)]


def test_the_sealing_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(keys=KeySettings(directory=tmp_path / "keys"))
    with pytest.raises(SealKeyError, match="start the service once"):
        kek.load(settings, create=False)
    made = kek.load(settings)
    assert kek.load(settings, create=False) == made
    path = kek.path_of(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(SealKeyError, match="only its owner can read"):
        kek.load(settings)


def test_the_settings_can_give_the_sealing_key(tmp_path: Path) -> None:
    given = PrivacySettings(seal_key="ab" * 32, former_seal_keys=("cd" * 32,))  # type: ignore[arg-type]
    settings = Settings(keys=KeySettings(directory=tmp_path / "keys"), privacy=given)
    assert kek.load(settings) == SealKeys(b"\xab" * 32, (b"\xcd" * 32,))
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("text", ["", "ab", "AB" * 32, "ab" * 33])
def test_a_sealing_key_of_another_form_is_refused_without_being_told(text: str) -> None:
    settings = Settings(privacy=PrivacySettings(seal_key=text))  # type: ignore[arg-type]
    with pytest.raises(SealKeyError) as error:
        kek.load(settings)
    assert "64 lower-case hexadecimal digits" in str(error.value)
    assert not text or text not in str(error.value)
