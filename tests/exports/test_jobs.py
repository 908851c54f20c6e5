"""Exports in the background come to an end whatever happens to those who make them, and are nobody else's."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from app.audit import store as log
from app.audit.sequence import LogSequencer
from app.exports import store
from app.exports.errors import NotReadyError, TooManyExportsError, UnknownExportError
from app.exports.maker import MAX_ATTEMPTS
from app.exports.model import Ask
from app.exports.service import MAX_OPEN
from app.search.model import Query
from tests.audit.made import KEY, fill
from tests.db.opened import opened
from tests.exports import strangers
from tests.exports.opened import World

DAY = 86_400_000_000
SEQUENCE = LogSequencer([KEY])


async def test_an_export_is_made_recorded_and_taken(database_url: str, tmp_path: Path) -> None:
    await fill(database_url, batches=(300,))
    async with opened(database_url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        assert (asked.state, await world.maker.turn(), await world.maker.turn()) == ("waiting", True, False)
        found, path = await world.exports.download("acme", asked.id, "token:b")
        newest = await database.read(partial(log.newest, log="acme", most=2))
    assert (found.state, found.done, found.total, found.bytes) == ("done", 300, 300, path.stat().st_size)
    assert found.summary is not None
    assert (found.summary.records, found.summary.size) == (300, 300)
    downloaded, exported = newest
    assert (downloaded.action, downloaded.actor_ref, exported.action, exported.actor_ref) == (
        "downloaded", "token:b", "exported", "token:a",
    )  # fmt: skip
    assert found.summary.sha256.encode() in bytes(exported.data)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("number", "told"), [("3", True), ("somebody's name", False)])
async def test_what_was_asked_is_recorded_only_where_the_log_has_it(tmp_path: Path, number: str, told: bool) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    async with opened(url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        await world.exports.ask("acme", "token:a", Ask("acme", "tiles", Query(resource=f"release/{number}")))
        assert await world.maker.turn()
        (record,) = await database.read(partial(log.newest, log="acme", most=1))
    assert (f"release/{number}".encode() in bytes(record.data)) is told


async def test_an_export_does_not_fill_the_disk(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    async with opened(url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        world.free -= 1
        assert await world.maker.turn()
        found = await world.exports.one("acme", asked.id)
    assert (found.state, found.error.partition(",")[0]) == (
        "failed",
        "expected at least 1024 MiB left free where exports lie",
    )
    assert world.files() == []


async def test_an_export_that_is_removed_ends(database_url: str, tmp_path: Path) -> None:
    await fill(database_url, batches=(2_000,))
    async with opened(database_url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        making = asyncio.create_task(world.maker.turn())
        await world.until(asked.id, "running")
        await world.exports.remove("acme", asked.id)
        assert await making
        with pytest.raises(UnknownExportError):
            await world.exports.one("acme", asked.id)
        assert world.files() == []


async def test_a_restart_puts_an_export_back_and_makes_it_again(database_url: str, tmp_path: Path) -> None:
    await fill(database_url, batches=(2_000,))
    async with opened(database_url, SEQUENCE) as database:
        first = World(database, tmp_path / "exports")
        asked = await first.exports.ask("acme", "token:a", Ask("acme"))
        await first.maker.start()
        await first.until(asked.id, "running")
        await first.maker.stop()
        assert ((await first.exports.one("acme", asked.id)).state, first.files()) == ("waiting", [])
        second = World(database, tmp_path / "exports", first.clock)
        await second.maker.start()
        await second.until(asked.id, "done")
        await second.maker.stop()
        found, path = await second.exports.download("acme", asked.id, "token:a")
    assert (found.attempts, second.files()) == (1, [path])


async def test_what_a_dead_replica_began_is_made_by_another(database_url: str, tmp_path: Path) -> None:
    await fill(database_url, batches=(3,))
    async with opened(database_url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        now = world.clock()
        await database.write(partial(store.claim, owner="dead", now=now, until=now + 60_000_000))
        assert await world.maker.turn() is False
        world.clock.now += 60_000_000
        assert await world.maker.turn() is True
        found = await world.exports.one("acme", asked.id)
        assert (found.state, found.attempts) == ("done", 2)
        late = await database.write(partial(store.progress, identity=asked.id, owner="dead", done=1, total=3, until=0))
        assert late is False


async def test_an_export_that_kills_its_replica_each_time_is_given_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(3,))
    async with opened(url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        for _ in range(MAX_ATTEMPTS):
            await database.write(partial(store.claim, owner="dead", now=world.clock(), until=0))
        assert await world.maker.turn()
        found = await world.exports.one("acme", asked.id)
        assert (found.state, "never came to an end" in found.error) == ("failed", True)


async def test_an_altered_log_is_named_and_not_exported(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url)
    strangers.tamper(tmp_path / "log.db", "UPDATE records SET body = x'7b7d' WHERE seq = 7")
    async with opened(url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        await world.maker.turn()
        found = await world.exports.one("acme", asked.id)
        assert (found.state, "record 7 of log acme" in found.error, world.files()) == ("failed", True, [])
        with pytest.raises(NotReadyError, match="failed"):
            await world.exports.download("acme", asked.id, "token:a")


async def test_files_are_removed_in_time_and_what_is_not_ours_stays(database_url: str, tmp_path: Path) -> None:
    await fill(database_url, batches=(3,))
    async with opened(database_url, SEQUENCE) as database:
        world = World(database, tmp_path)
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        await world.maker.turn()
        ours = world.maker.path_of(await world.exports.one("acme", asked.id))
        left = [tmp_path / f".{'a' * 32}-1.tar.gz.x7", tmp_path / f"{'b' * 32}-2.csv"]
        foreign = [tmp_path / ".profile", tmp_path / "countersign.tar.gz"]
        for path in (*left, *foreign):
            path.touch()
        await world.maker.sweep()
        assert [path.exists() for path in (ours, *left, *foreign)] == [True, False, False, True, True]
        world.clock.now += 8 * DAY
        await world.maker.sweep()
        assert [path.exists() for path in (ours, *foreign)] == [False, True, True]
        assert await world.exports.of_tenant("acme") == ()


async def test_a_tenant_may_not_have_too_many(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(3,))
    async with opened(url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        for _ in range(MAX_OPEN):
            await world.exports.ask("acme", "token:a", Ask("acme"))
        with pytest.raises(TooManyExportsError):
            await world.exports.ask("acme", "token:a", Ask("acme"))
        await world.exports.ask("other", "token:a", Ask("other"))


async def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    await fill(url, batches=(3,))
    async with opened(url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = await world.exports.ask("acme", "token:a", Ask("acme"))
        with pytest.raises(NotReadyError, match="waiting"):
            await world.exports.download("acme", asked.id, "token:a")
        await world.maker.turn()
        world.files()[0].unlink()
        with pytest.raises(NotReadyError, match="none"):
            await world.exports.download("acme", asked.id, "token:a")


async def test_as_many_as_ask_at_once_get_no_more_than_they_may(postgres_url: str, tmp_path: Path) -> None:
    await fill(postgres_url)
    async with opened(postgres_url, SEQUENCE) as database:
        world = World(database, tmp_path / "exports")
        asked = (world.exports.ask("acme", "token:a", Ask("acme")) for _ in range(20))
        made = await asyncio.gather(*asked, return_exceptions=True)
        refused = [one for one in made if isinstance(one, TooManyExportsError)]
        assert len(made) - len(refused) == MAX_OPEN
