"""A database as the release before left it, at schema 0003: a log, and a row of every table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.audit.sequence import DEFAULT_ORIGIN, origin
from app.db import sqlite
from app.db.connect import driver_url, sqlite_path
from app.db.upgrade import upgrade
from manifests import checkpoint, record
from manifests.canonical import sha256_hex
from manifests.checkpoint import Checkpoint
from manifests.merkle import Frontier, leaf_hash
from tests.audit.made import KEY, draft

REVISION = "0003"
BATCH = 70
Rows = dict[str, list[dict[str, Any]]]

_RECORD = text(
    "INSERT INTO records (log, seq, trace_id, tseq, resource, event, at, leaf, body) "
    "VALUES (:log, :seq, :trace_id, :tseq, :resource, :event, :at, :leaf, :body)"
)
_CHECKPOINT = text("INSERT INTO checkpoints (log, size, note) VALUES (:log, :size, :note)")
_HEAD = text("INSERT INTO log_heads (log, size, frontier, last_at) VALUES (:log, :size, :frontier, :at)")
_TRACE = text("INSERT INTO trace_heads (log, trace_id, tseq, leaf) VALUES (:log, :trace_id, :tseq, :leaf)")


async def make(url: str, sizes: dict[str, int]) -> Rows:
    """By log how many records; answers what is in every table."""
    path = sqlite_path(url)
    if path is not None:
        return _make_sqlite(path, sizes)
    engine = create_async_engine(driver_url(url))
    async with engine.begin() as connection:
        found = await connection.run_sync(_make, sizes)
    await engine.dispose()
    return found


def rows_of(connection: Connection, tables: Rows | None = None) -> Rows:
    """By table every row; of ``tables`` only these and their columns."""
    found: Rows = {}
    for table in tables if tables is not None else inspect(connection).get_table_names():
        rows = [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {table}"))]
        known = set(tables[table][0]) if tables is not None and tables[table] else None
        kept = [{name: row[name] for name in row if known is None or name in known} for row in rows]
        found[table] = sorted(kept, key=repr)
    return found


def _make_sqlite(path: Path, sizes: dict[str, int]) -> Rows:
    engine = sqlite.engine(path)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = _make(connection, sizes)
        connection.exec_driver_sql("COMMIT")
    engine.dispose()
    return found


def _make(connection: Connection, sizes: dict[str, int]) -> Rows:
    upgrade(connection, REVISION)
    for log, size in sizes.items():
        _log(connection, log, size)
    for table in inspect(connection).get_table_names():
        if connection.execute(text(f"SELECT 1 FROM {table}")).first() is None and table != "staged_records":
            _row(connection, table)
    return rows_of(connection)


def _log(connection: Connection, log: str, size: int) -> None:
    """As that release wrote it: no roots of subtrees were kept."""
    frontier, ends = Frontier(), dict[str, tuple[int, str]]()
    name = origin(DEFAULT_ORIGIN, log)
    for seq in range(size):
        one = draft(seq, f"trace-{seq % 5}", f"release/{seq % 9}")
        tseq, prev = ends.get(one.trace_id, (0, record.FIRST_PREV))
        body = record.seal(one, log=log, seq=seq, tseq=tseq, prev=prev)
        leaf = leaf_hash(body)
        ends[one.trace_id] = (tseq + 1, leaf.hex())
        frontier.append(leaf)
        connection.execute(
            _RECORD,
            {
                "log": log, "seq": seq, "trace_id": one.trace_id, "tseq": tseq, "resource": one.resource,
                "event": one.event, "at": one.ts, "leaf": leaf, "body": body,
            },
        )  # fmt: skip
        if not (seq + 1) % BATCH or seq + 1 == size:
            note = checkpoint.sign(Checkpoint(name, seq + 1, frontier.root()), [(name, KEY)]).decode()
            connection.execute(_CHECKPOINT, {"log": log, "size": seq + 1, "note": note})
    last = draft(size - 1).ts
    connection.execute(_HEAD, {"log": log, "size": size, "frontier": frontier.to_bytes(), "at": last})
    for trace_id, (count, leaf_hex) in ends.items():
        values = {"log": log, "trace_id": trace_id, "tseq": count - 1, "leaf": bytes.fromhex(leaf_hex)}
        connection.execute(_TRACE, values)


def _row(connection: Connection, table: str) -> None:
    columns = inspect(connection).get_columns(table)
    kinds = {column["name"]: column["type"].python_type for column in columns}
    values = {name: 1 if kind is int else b"x" if kind is bytes else "x" for name, kind in kinds.items()}
    if table == "blobs":
        values["digest"] = sha256_hex(b"x")  # verification hashes every blob again
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({', '.join(_quoted(values))}) VALUES ({marks})"), values)


def _quoted(names: dict[str, Any]) -> list[str]:
    return [f'"{name}"' for name in names]
