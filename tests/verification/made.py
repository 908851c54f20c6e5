"""A log that is long enough for tiles, and what somebody with the database's file does to it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from app.audit.sequence import LogSequencer
from app.db.tx import Tx
from app.verification import store
from app.verification.report import Report
from app.verification.sample import sample
from app.verification.verify import verify
from tests.audit.made import AT, KEY, draft, stage
from tests.db.opened import opened

SIZE = 700
VERIFIED = 400
"""How far an earlier verification came."""

TABLES = ("records", "checkpoints", "tree_hashes")


class Cell(NamedTuple):
    """One value; ``where`` chooses the row."""

    table: str
    column: str
    where: str


async def write_long(path: Path) -> None:
    """Two thirds of it verified and noted as the service does."""
    url = f"sqlite:///{path}"
    async with opened(url, LogSequencer([KEY])) as database:
        for first in [*range(0, VERIFIED, 25), *range(VERIFIED, SIZE, 20)]:
            count = 25 if first < VERIFIED else 20
            drafts = [draft(n, f"release-{n % 7}", f"release/{n % 7}") for n in range(first, first + count)]
            await stage(database, "acme", drafts)
            if first + count == VERIFIED:
                report = await asyncio.to_thread(verify, url, [KEY.public], clock=lambda: AT)
                log = report.logs[0]
                edge = bytes.fromhex(log.frontier)
                await database.write(partial(_passed, edge=edge))


def _passed(tx: Tx, *, edge: bytes) -> None:
    store.passed(tx, "acme", VERIFIED, edge, AT, full=True)


def tamper(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    """As somebody with the file and a SQLite shell would."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for table in TABLES:
            for verb in ("update", "delete"):
                connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
        change(connection)
        connection.commit()


def flip(cell: Cell, at: int, bit: int) -> Callable[[sqlite3.Connection], object]:
    """Turns one bit over; a number stays a number, and a text stays a text."""

    def change(connection: sqlite3.Connection) -> None:
        table, column, where = cell
        sql = f"SELECT CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {where}"
        found, kind = connection.execute(sql).fetchone()
        value: object
        if kind == "integer":
            value = int(found) ^ (1 << (bit + 8 * (at % 4)))
        else:
            at_byte = at % len(found)
            value = found[:at_byte] + bytes([found[at_byte] ^ (1 << bit)]) + found[at_byte + 1 :]
        mark = "CAST(? AS TEXT)" if kind == "text" else "?"
        connection.execute(f"UPDATE {table} SET {column} = {mark} WHERE {where}", (value,))

    return change


def fully(path: Path) -> Report:
    return verify(f"sqlite:///{path}", [KEY.public], clock=lambda: AT, thorough=True)


def incrementally(path: Path) -> Report:
    return verify(f"sqlite:///{path}", [KEY.public], clock=lambda: AT, incremental=True)


def sampled(path: Path, records: int = SIZE) -> Report:
    return sample(f"sqlite:///{path}", [KEY.public], choose=random.Random(3), records=records)


def codes(report: Report) -> set[str]:
    return {item.code for item in report.findings}
