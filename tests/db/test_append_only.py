"""What was recorded cannot be changed or removed with ordinary SQL, on either database."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from app.db.tx import Tx
from tests.db.opened import opened

PROTECTED = (
    "records", "checkpoints", "blobs", "heads", "observations", "grants", "grant_artifacts", "grant_voids",
    "decisions", "redemptions", "deployments", "account_links", "person_keys", "prompts",
)  # fmt: skip
CHANGES = {
    "update": "UPDATE {table} SET {column} = {column}",
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table} CASCADE",
    "replace": "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
}
ONLY_ON = {"truncate": "postgresql", "replace": "sqlite"}


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


@pytest.mark.parametrize("change", CHANGES)
async def test_every_protected_table_refuses(database_url: str, change: str) -> None:
    async with opened(database_url) as database:
        if ONLY_ON.get(change, database.dialect) != database.dialect:
            return
        for table in PROTECTED:
            column = await database.write(partial(insert_any, table=table))
            sql = text(CHANGES[change].format(table=table, column=column))
            with pytest.raises(DBAPIError, match=f"countersign: {table} is append-only"):
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
