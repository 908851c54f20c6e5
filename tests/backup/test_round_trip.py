"""A backup of either database is restored into either, and nothing is lost, added or changed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import asyncpg
import msgspec
import pytest
from sqlalchemy import text

from app.backup.model import DATABASE
from tests.audit.made import draft
from tests.backup.made import backed_up, contents, fill, found, restored, service, write

NEW = {"records", "log_heads", "trace_heads", "checkpoints", "tree_hashes"}
"""Tables that the record of the restoration is added to."""


@pytest.fixture
def other_url(request: pytest.FixtureRequest, tmp_path: Path, new_url: Callable[[], str]) -> Callable[[], str]:
    """Makes databases of the other kind."""
    if not new_url().startswith("sqlite"):
        return lambda: f"sqlite:///{tmp_path}/other.db"
    make: Callable[[], str] = request.getfixturevalue("new_postgres")
    return make


@pytest.mark.parametrize("to", ["same", "other"])
async def test_what_was_backed_up_is_restored(
    new_url: Callable[[], str], other_url: Callable[[], str], tmp_path: Path, to: str
) -> None:
    source, target = new_url(), new_url() if to == "same" else other_url()
    await fill(source, tmp_path, count=300)
    before = await contents(source, tmp_path)
    made = await backed_up(source, tmp_path)
    assert {one.log: one.size for one in made.manifest.logs} == {"acme": 300, "other": 3, "system": 2}
    assert {one.name: one.rows for one in made.manifest.tables}["blobs"] == 300
    await restored(target, tmp_path, made.folder)
    after = await contents(target, tmp_path)
    assert after.keys() == before.keys()
    for table, rows in before.items():
        if table in NEW:
            assert [row for row in rows if row not in after[table]] == [
                row for row in rows if row[0] == "system" and table == "log_heads"
            ], table
        else:
            assert after[table] == rows, table
    assert (await found(target, tmp_path)).findings == ()


async def test_the_service_runs_on_after_it(new_url: Callable[[], str], tmp_path: Path) -> None:
    source, target = new_url(), new_url()
    await fill(source, tmp_path)
    async with service(source, tmp_path) as database:
        await database.write(lambda tx: tx.run(DELIVERY))
    made = await backed_up(source, tmp_path)
    await restored(target, tmp_path, made.folder)
    await fill(target, tmp_path, first=20)
    async with service(target, tmp_path) as database:
        # Numbers go on after those that were restored.
        await database.write(lambda tx: tx.run(DELIVERY))
        rows = await database.read(lambda tx: tx.all(text("SELECT id FROM deliveries ORDER BY id")))
        assert [row.id for row in rows] == [1, 2]
    assert (await found(target, tmp_path)).findings == ()
    again = await backed_up(target, tmp_path, at=made.manifest.made_at + 10**6)
    assert again.manifest.records > made.manifest.records


DELIVERY = text(
    "INSERT INTO deliveries (guid, event, digest, body, received_at, installation_id, repository_id, work_key, status, "
    "note) SELECT 'g', 'e', CAST(count(*) AS text), '', 1, NULL, NULL, 'k', 's', 'n' FROM deliveries"
)


async def test_a_backup_made_while_others_write_is_one_state(database_url: str, tmp_path: Path) -> None:
    async with service(database_url, tmp_path) as database:
        await write(database, 0, 50)
        stop = asyncio.Event()

        async def writer() -> None:
            number = 50
            while not stop.is_set():
                await write(database, number, 2)
                number += 2

        writing = asyncio.create_task(writer())
        made = [await backed_up(database_url, tmp_path, at=1_790_000_000_000_000 + n * 10**6) for n in range(2)]
        stop.set()
        await writing
    sizes = []
    for one in made:
        with closing(sqlite3.connect(one.folder / DATABASE)) as copy:
            (slots,) = copy.execute("SELECT count(*) FROM schedule_slots").fetchone()
            (blobs,) = copy.execute("SELECT count(*) FROM blobs").fetchone()
            (records,) = copy.execute("SELECT count(*) FROM records WHERE log = 'acme'").fetchone()
            (staged,) = copy.execute("SELECT count(*) FROM staged_records WHERE log = 'acme'").fetchone()
        assert slots == blobs == records + staged
        sizes.append(slots)
    assert sizes[0] <= sizes[1]


async def test_records_that_waited_to_be_numbered_are_numbered(postgres_url: str, tmp_path: Path) -> None:
    await fill(postgres_url, tmp_path)
    async with service(postgres_url, tmp_path):
        made = await _backed_up_with_one_waiting(postgres_url, tmp_path)
    target = f"sqlite:///{tmp_path}/restored.db"
    await restored(target, tmp_path, made)
    after = await contents(target, tmp_path)
    assert after["staged_records"] == []
    assert [row for row in after["records"] if "waited" in row] != []
    assert (await found(target, tmp_path)).findings == ()


async def _backed_up_with_one_waiting(url: str, folder: Path) -> Path:
    connection = await asyncpg.connect(url)
    try:
        # Held, so that no replica numbers it before the backup is made.
        async with connection.transaction():
            await connection.fetch("SELECT * FROM log_heads WHERE log = 'acme' FOR UPDATE")
            body = msgspec.json.encode(draft(77, resource="waited"))
            other = await asyncpg.connect(url)
            await other.execute("INSERT INTO staged_records (log, draft) VALUES ('acme', $1)", body)
            await other.close()
            made = await backed_up(url, folder)
    finally:
        await connection.close()
    return made.folder
