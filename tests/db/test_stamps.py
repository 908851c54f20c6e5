"""What somebody puts among the staged records by hand is never numbered, and so never signed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.audit.store import newest
from app.clock import now
from app.db.connect import connect
from app.db.database import Database
from app.db.stamps import KeyedStamps, Strange
from app.keys.errors import ServerKeyError
from app.keys.service import open_database
from app.settings.model import DatabaseSettings, KeySettings, Settings
from manifests.keys import PrivateKey
from tests.audit.made import KEY, draft, stage

OTHER = PrivateKey.generate("ed25519")
NEXT = PrivateKey.generate("ed25519")


def stamps(*keys: PrivateKey, later: Sequence[PrivateKey] = ()) -> KeyedStamps:
    held = list(keys)
    return KeyedStamps(lambda: held, lambda: held.extend(later))


@asynccontextmanager
async def replica(url: str, made: KeyedStamps) -> AsyncIterator[Database]:
    database = await connect(url, LogSequencer([KEY]), stamps=made)
    yield database
    await database.close()


async def forge(database: Database, stamp: bytes) -> None:
    sql = text("INSERT INTO staged_records (log, draft, stamp) VALUES ('acme', :draft, :stamp)")
    forged = msgspec.json.encode(draft(99, resource="forged/1"))
    await database.write(lambda tx: tx.run(sql, draft=forged, stamp=stamp))


async def names(database: Database) -> list[str]:
    return [one.resource for one in reversed(await database.read(lambda tx: newest(tx, "acme", 100)))]


async def test_a_record_that_no_replica_staged_is_left_out_and_holds_up_no_other(postgres_url: str) -> None:
    async with replica(postgres_url, stamps(KEY)) as database:
        stolen = stamps(OTHER).make("acme", msgspec.json.encode(draft(99, resource="forged/1")))
        for stamp in (b"", b"x" * 32, stolen):
            await forge(database, stamp)
        for number in range(3):
            await stage(database, "acme", [draft(number, resource=f"true/{number}")])
        assert await names(database) == ["true/0", "true/1", "true/2"]


async def test_a_stamp_is_for_its_log_and_its_bytes(postgres_url: str) -> None:
    async with replica(postgres_url, stamps(KEY)) as database:
        body = msgspec.json.encode(draft(99, resource="forged/1"))
        await forge(database, stamps(KEY).make("other", body))
        await forge(database, stamps(KEY).make("acme", body + b" "))
        await stage(database, "acme", [draft(1, resource="true/1")])
        assert await names(database) == ["true/1"]


async def test_replicas_with_the_same_key_number_each_others_records(postgres_url: str) -> None:
    async with replica(postgres_url, stamps(KEY)) as one, replica(postgres_url, stamps(NEXT, KEY)) as other:
        for number in range(4):
            await stage((one, other)[number % 2], "acme", [draft(number, resource=f"true/{number}")])
        assert await names(one) == [f"true/{number}" for number in range(4)]


def test_a_key_that_another_replica_put_in_place_is_read_when_it_is_needed() -> None:
    mine = stamps(KEY, later=[NEXT])
    theirs = stamps(NEXT).make("acme", b"draft")
    assert mine.hold("acme", b"draft", theirs)
    assert not mine.hold("acme", b"draft", stamps(OTHER).make("acme", b"draft"))


@given(log=st.text(max_size=8), body=st.binary(max_size=40), more=st.binary(min_size=1, max_size=8))
def test_a_stamp_holds_for_exactly_what_it_was_made_over(log: str, body: bytes, more: bytes) -> None:
    held = stamps(KEY)
    made = held.make(log, body)
    assert held.hold(log, body, made)
    assert not held.hold(log, body + more, made)
    assert not held.hold(log + "x", body, made)


def test_what_stays_is_told_once_and_looked_at_again() -> None:
    at = [0.0]
    strange = Strange(lambda: at[0])
    strange.met([7])
    assert (strange.left_out(), strange.to_tell()) == ([7], 0)
    at[0] = 6
    assert strange.left_out() == []
    strange.met([7])
    assert strange.left_out() == [7]
    at[0] = 31
    assert (strange.to_tell(), strange.to_tell()) == (1, 0)


async def test_keys_that_cannot_be_read_now_hold_up_no_record_of_ours(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(
        database=DatabaseSettings(url=SecretStr(postgres_url)), keys=KeySettings(directory=tmp_path / "keys")
    )
    database, ring = await open_database(settings, now)
    for path in (tmp_path / "keys").glob("*.pem"):
        path.write_bytes(b"no key")
    with pytest.raises(ServerKeyError):
        ring.reload()
    await forge(database, b"x" * 32)
    await stage(database, "acme", [draft(1, resource="true/1")])
    assert await names(database) == ["true/1"]
    await database.close()
