"""What was recorded cannot be changed or removed with ordinary SQL, on either database, and who tries is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import inspect, text

from app.audit.sequence import LogSequencer
from app.clock import new_id
from app.db.attempts import Attempts
from app.db.connect import driver_url, migrate
from app.db.database import Database
from app.db.postgres import PostgresDatabase
from app.db.refused import AppendOnlyError
from app.db.tx import Tx
from app.metrics import Metrics
from manifests import record
from manifests.record import Record
from migrations.append_only import protected
from tests.audit.made import AT, KEY
from tests.db.opened import no_records, opened

RELEASED = {
    "records", "checkpoints", "blobs", "heads", "observations", "grants", "grant_artifacts", "grant_voids",
    "decisions", "redemptions", "deployments", "account_links", "person_keys", "prompts",
}  # fmt: skip
CHANGES = {
    "update": "UPDATE {table} SET {column} = {column}",
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table} CASCADE",
    "replace": "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
}
ONLY_ON = {"truncate": "postgresql", "replace": "sqlite"}
STORED = text("SELECT body FROM records WHERE log = 'system' AND event = 'audit.refused' ORDER BY seq")


def insert_any(tx: Tx, table: str) -> str:
    """Puts one row of meaningless values in; answers the name of a column."""
    columns = inspect(tx.connection).get_columns(table)
    values = {
        column["name"]: 1 if column["type"].python_type is int else b"x" if column["type"].python_type is bytes else "x"
        for column in columns
    }
    names = ", ".join(values)
    tx.run(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + n for n in values)})"), **values)
    return str(columns[-1]["name"])


async def attempts(database: Database) -> list[Record]:
    return [record.parse(bytes(row.body)) for row in await database.read(lambda tx: tx.all(STORED))]


def test_what_was_protected_once_stays_so() -> None:
    assert set(protected()) >= RELEASED


@pytest.mark.parametrize("change", CHANGES)
async def test_every_protected_table_refuses(database_url: str, change: str) -> None:
    async with opened(database_url) as database:
        if ONLY_ON.get(change, database.dialect) != database.dialect:
            return
        for table in protected():
            column = await database.write(partial(insert_any, table=table))
            sql = text(CHANGES[change].format(table=table, column=column))
            with pytest.raises(AppendOnlyError, match=f"countersign: {table} is append-only"):
                await database.write(partial(Tx.run, sql=sql))
            count = text(f"SELECT count(*) AS n FROM {table}")
            row = await database.read(partial(Tx.first, sql=count))
            assert row is not None
            assert row.n == 1


async def test_tables_of_work_may_change(database_url: str) -> None:
    async with opened(database_url) as database:
        await database.write(lambda tx: insert_any(tx, "work"))
        await database.write(lambda tx: tx.run(text("UPDATE work SET marks = 7")))
        await database.write(lambda tx: tx.run(text("DELETE FROM work")))
        row = await database.read(lambda tx: tx.first(text("SELECT count(*) AS n FROM work")))
        assert row is not None
        assert row.n == 0


def tamper(tx: Tx) -> None:
    tx.run(text("DELETE FROM decisions WHERE id <> :id AND 'hunter2' <> '' AND 4711 > 0"), id="secret")


@pytest.mark.parametrize("way", ["write", "read"])
async def test_an_attempt_through_us_is_a_record_without_values(database_url: str, way: str) -> None:
    metrics = Metrics()
    async with opened(database_url, LogSequencer([KEY])) as database:
        database.on_refused = Attempts(database, lambda: AT, metrics)
        await database.write(lambda tx: insert_any(tx, "decisions"))
        with pytest.raises(AppendOnlyError) as caught:
            await (database.write(tamper) if way == "write" else database.read(tamper))
        assert (caught.value.table, caught.value.verb) == ("decisions", "DELETE")
        (found,) = await attempts(database)
    assert (found.action, found.resource, found.outcome, found.ts) == ("delete", "table/decisions", "refused", AT)
    said = msgspec.json.decode(found.data, type=dict[str, str])
    assert said["statement"].startswith("DELETE FROM decisions WHERE id <> ")
    assert not {"secret", "hunter2", "4711"} & set(said["statement"].replace("'", " ").split())
    assert said["unit"] == "tests.db.test_append_only.tamper"
    assert metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "audit"}) == 1


async def test_a_refused_unit_does_not_take_others_with_it(database_url: str) -> None:
    async with opened(database_url, LogSequencer([KEY])) as database:
        database.on_refused = Attempts(database, lambda: AT)
        await database.write(lambda tx: insert_any(tx, "decisions"))
        answers = await asyncio.gather(
            *(database.write(tamper_all if n % 2 else partial(insert_any, table="work")) for n in range(2)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [str, AppendOnlyError]
        assert len(await attempts(database)) == 1


def tamper_all(tx: Tx) -> None:
    tx.run(text("DELETE FROM decisions"))


@pytest.fixture
async def ordinary(postgres_url: str) -> Any:
    """The database again, for a user who owns its tables and is no administrator."""
    role = f"r{new_id()[:8]}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role}")
    await admin.close()
    url = postgres_url.replace("postgres:@", f"{role}:@")
    assert role in url
    yield url
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")
    await admin.close()


async def test_an_ordinary_user_lacks_the_right_and_the_attempt_is_recorded_too(ordinary: str) -> None:
    async with opened(ordinary, LogSequencer([KEY])) as database:
        database.on_refused = Attempts(database, lambda: AT)
        for verb, sql in (
            ("UPDATE", "UPDATE grants SET nonce = ''"), ("DELETE", "DELETE FROM grants"),
            ("TRUNCATE", "TRUNCATE grants"),
        ):  # fmt: skip
            with pytest.raises(AppendOnlyError) as caught:
                await database.write(partial(Tx.run, sql=text(sql)))
            assert (caught.value.table, caught.value.verb) == ("grants", verb)
        assert [one.action for one in await attempts(database)] == ["update", "delete", "truncate"]


async def test_a_session_that_calls_itself_a_replica_is_refused_too(postgres_url: str) -> None:
    await migrate(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for table in protected():
            with pytest.raises(asyncpg.PostgresError, match=f"{table} is append-only"):
                await connection.execute(f"DELETE FROM {table}")
    finally:
        await connection.close()


async def test_the_servers_log_tells_who_tried_from_elsewhere(postgres_url: str, postgres_server: Any) -> None:
    await migrate(postgres_url)
    application = f"someone {new_id()}"
    connection = await asyncpg.connect(postgres_url, server_settings={"application_name": application})
    try:
        with pytest.raises(asyncpg.PostgresError, match="grants is append-only, TRUNCATE is refused"):
            await connection.execute("TRUNCATE grants")
    finally:
        await connection.close()
    lines = Path(postgres_server.log).read_text().splitlines()
    (line,) = (line for line in lines if application in line and "LOG" in line)
    assert "countersign: TRUNCATE of grants by user postgres (session user postgres) from" in line


async def test_other_errors_are_no_attempts(postgres_url: str) -> None:
    told: list[AppendOnlyError] = []

    async def observe(attempt: AppendOnlyError) -> None:
        told.append(attempt)

    await migrate(postgres_url)
    database = PostgresDatabase(driver_url(postgres_url), no_records)
    database.on_refused = observe
    try:
        with pytest.raises(Exception, match="nothing_here"):
            await database.write(lambda tx: tx.run(text("DELETE FROM nothing_here")))
    finally:
        await database.close()
    assert told == []


async def test_the_list_is_what_the_schema_protects(new_url: Callable[[], str]) -> None:
    url = new_url()
    async with opened(url) as database:
        sql = (
            "SELECT DISTINCT tbl_name AS name FROM sqlite_schema WHERE type = 'trigger'"
            if database.dialect == "sqlite"
            else "SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger WHERE NOT tgisinternal"
        )
        found = await database.read(lambda tx: {row.name for row in tx.all(text(sql))})
    assert found == set(protected())
