"""Whether the database answers and has this version's schema. Looks only; never migrates."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from app.audit.reading import read_only
from app.db import guards
from app.db.connect import driver_url, sqlite_path
from app.db.database import DatabaseUnavailableError
from app.db.upgrade import current, newest
from app.doctor.model import Finding, Patient, ok, problem, unasked
from app.verification.source import open_read_only

NAME = "database"
GUARDS = "append-only triggers"


async def database(patient: Patient) -> tuple[Finding, ...]:
    url = patient.settings.database.url.get_secret_value()
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return (ok(NAME, f"{path} does not exist yet; the first start makes it"),)
    try:
        found = _sqlite_version(url) if path is not None else await _postgres_version(url)
    except (DatabaseUnavailableError, SQLAlchemyError, OSError) as error:
        return (problem(NAME, f"cannot be read: {error}", "Start it, or correct database.url."),)
    if found != newest():
        return (
            problem(NAME, f"expected schema {newest()}, found {found or 'none'}.", "Run `countersign db upgrade`."),
        )
    return (ok(NAME, f"answers, schema {found}"),)


async def guarded(patient: Patient) -> tuple[Finding, ...]:
    """Whether the append-only tables refuse what they must."""
    url = patient.settings.database.url.get_secret_value()
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return ()
    try:
        found = await asyncio.to_thread(read_only, url, lambda tx: guards.differences(tx.connection))
    except (DatabaseUnavailableError, SQLAlchemyError, OSError):
        return (unasked(GUARDS, "the database cannot be read"),)
    if found:
        return (problem(GUARDS, " ".join(found), guards.REMEDY),)
    return (ok(GUARDS, "in place"),)


def _sqlite_version(url: str) -> str | None:
    path = sqlite_path(url)
    assert path is not None
    connection = open_read_only(path)
    try:
        # Read by hand: the migration tool would open the file for writing.
        known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    finally:
        connection.close()
    return str(row[0]) if row else None


async def _postgres_version(url: str) -> str | None:
    engine = create_async_engine(driver_url(url))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_current)
    finally:
        await engine.dispose()


def _current(connection: Connection) -> str | None:
    return current(connection)
