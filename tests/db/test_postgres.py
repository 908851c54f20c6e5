"""PostgreSQL that cannot be used for a while: said so, whatever the driver calls it, and never the end of the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from app.audit.sequence import LogSequencer
from app.clock import SECOND
from app.db.connect import driver_url, migrate
from app.db.database import DatabaseUnavailableError
from app.db.postgres import PostgresDatabase
from app.db.tx import Tx
from app.work import store
from app.work.runner import WorkRunner
from app.work.store import Lease
from tests.audit.made import KEY, draft
from tests.db.opened import no_records, opened
from tests.db.postgres import new_postgres, postgres_server, postgres_url

__all__ = ["new_postgres", "postgres_server", "postgres_url"]

NOW = 1_790_000_000 * SECOND


@asynccontextmanager
async def small(url: str) -> AsyncIterator[PostgresDatabase]:
    """With one connection, for which nobody waits long."""
    await migrate(url)
    database = PostgresDatabase(driver_url(url), no_records, connections=1, patience_s=0.01)
    try:
        yield database
    finally:
        await database.close()


def nothing(tx: Tx) -> None:
    tx.first(text("SELECT 1"))


async def test_no_free_connection_is_a_database_that_cannot_be_used(postgres_url: str) -> None:
    async with small(postgres_url) as database:
        async with database._engine.connect():
            with pytest.raises(DatabaseUnavailableError):
                await database.read(nothing)
            with pytest.raises(DatabaseUnavailableError):
                await database.write(nothing)
        await database.read(nothing)


@pytest.mark.parametrize("state", ["53100", "53300", "57P03", "55000", "25006", "58030"])
async def test_what_is_not_the_statements_fault_is_a_database_that_cannot_be_used(
    postgres_url: str, state: str
) -> None:
    raising = text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
    async with small(postgres_url) as database:
        with pytest.raises(DatabaseUnavailableError):
            await database.write(lambda tx: tx.run(raising))
        with pytest.raises(DatabaseUnavailableError):
            await database.read(lambda tx: tx.run(raising))


async def test_a_mistake_in_a_statement_is_no_outage_and_tells_no_values(postgres_url: str) -> None:
    def mistaken(tx: Tx) -> None:
        tx.first(text("SELECT CAST(:secret AS integer)"), secret="hunter2")

    async with small(postgres_url) as database:
        with pytest.raises(Exception, match="SELECT CAST") as raised:
            await database.read(mistaken)
        assert not isinstance(raised.value, DatabaseUnavailableError)
        assert "parameters: " not in str(raised.value)


class Refusing(PostgresDatabase):
    """Fails its first writes as no driver has said yet that it could."""

    refused = 0

    async def _write_once(self, unit: Callable[[Tx], object]) -> tuple[object, dict[str, int]]:  # type: ignore[override]
        if self.refused < 1:
            self.refused += 1
            raise RuntimeError("an error that nobody knows")
        return await super()._write_once(unit)


async def test_no_failure_ends_the_work(postgres_url: str) -> None:
    await migrate(postgres_url)
    database = Refusing(driver_url(postgres_url), no_records)
    done = asyncio.Event()

    async def handle(lease: Lease) -> int | None:
        done.set()
        return None

    runner = WorkRunner(database, {"pull": handle}, lambda: NOW)
    try:
        await runner.start()
        while not database.refused:
            await asyncio.sleep(0.002)
        await database.write(lambda tx: store.mark(tx, "pull/1/2", NOW))
        runner.wake()
        async with asyncio.timeout(30):
            await done.wait()
        await runner.stop()
    finally:
        await database.close()


async def test_nobody_holds_a_lock_for_good(postgres_url: str) -> None:
    show = "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
    async with small(postgres_url) as database:
        for _ in range(2):
            assert await database.read(lambda tx: tuple(tx.first(text(show)) or ())) == ("5s", "5min")


async def test_records_are_found_by_the_beginning_of_a_name_in_any_language(postgres_url: str) -> None:
    """A language may pass over punctuation, and then grant/1/2 would stand beside grant/12."""
    async with opened(postgres_url) as database:
        asked = text(
            "SELECT column_name, collation_name FROM information_schema.columns"
            " WHERE table_name = 'records' AND column_name IN ('resource', 'trace_id') ORDER BY column_name"
        )
        found = await database.read(lambda tx: [tuple(row) for row in tx.all(asked)])
    assert found == [("resource", "C"), ("trace_id", "C")]


class Meeting(PostgresDatabase):
    """Where a log cannot be written, it is found out while others wait for theirs."""

    async def _sequence_each(self, logs: list[str]) -> bool:
        try:
            return await super()._sequence_each(logs)
        except ValueError:
            while len(self._waiting) < 2:
                await asyncio.sleep(0.002)
            raise


async def test_a_log_that_cannot_be_written_fails_only_who_waits_for_it(postgres_url: str) -> None:
    def sequence(tx: Tx) -> None:
        if any(log == "broken" for log, _ in tx.staged):
            raise ValueError("its head is gone")
        LogSequencer([KEY])(tx)

    await migrate(postgres_url)
    database = Meeting(driver_url(postgres_url), sequence)
    try:
        broken = asyncio.create_task(database.write(lambda tx: tx.stage("broken", draft(0))))
        async with asyncio.timeout(30):
            while not database._waiting:
                await asyncio.sleep(0.002)
            await database.write(lambda tx: tx.stage("acme", draft(0)))
        with pytest.raises(DatabaseUnavailableError, match="its head is gone"):
            await broken
    finally:
        await database.close()


async def test_who_gave_up_waiting_is_forgotten(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def sequence(tx: Tx) -> None:
        tx.run(text("SELECT 1 / 0"))

    monkeypatch.setattr("app.db.postgres.SEQUENCED_WITHIN_S", 0.05)
    await migrate(postgres_url)
    database = PostgresDatabase(driver_url(postgres_url), sequence)
    try:
        with pytest.raises(DatabaseUnavailableError, match="not in the log yet"):
            await database.write(lambda tx: tx.stage("acme", draft(0)))
        assert not database._waiting
    finally:
        await database.close()
