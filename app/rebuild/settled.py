"""Reading rows and their records while others write both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from app.db.database import Database, Unit, glance

T = TypeVar("T")
PAUSES_S: Final = (0.02, 0.05, 0.1, 0.3, 0.6)
"""On PostgreSQL a row is there some milliseconds before its record is numbered; what still differs after about a
second was not written by us."""


async def settled(database: Database, unit: Unit[T], differs: Callable[[T], bool]) -> T:
    """What ``unit`` reads, read again while it shows a difference that may only be a record on its way."""
    found = await glance(database, unit)
    for pause in PAUSES_S if database.dialect != "sqlite" else ():
        if not differs(found):
            break
        await asyncio.sleep(pause)
        found = await glance(database, unit)
    return found
