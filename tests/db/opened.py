"""A migrated database for the length of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db.connect import connect
from app.db.database import Database, Sequencer
from app.db.tx import Tx


def no_records(tx: Tx) -> None:
    """A sequencer for tests that are not about the log."""
    tx.staged.clear()


@asynccontextmanager
async def opened(url: str, sequence: Sequencer = no_records) -> AsyncIterator[Database]:
    database = await connect(url, sequence)
    try:
        yield database
    finally:
        await database.close()
