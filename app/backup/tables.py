"""The tables of a backup, as its own schema names them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.db.upgrade import upgrade

REVISION = "alembic_version"

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


class Table(NamedTuple):
    """A table, its columns in order, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def select(self) -> str:
        """In the order of the primary key, so that two snapshots of one state are the same."""
        return f"SELECT {_listed(self.columns)} FROM {self.name} ORDER BY {_listed(self.key)}"

    @property
    def insert(self) -> str:
        marks = ", ".join("?" * len(self.columns))
        return f"INSERT INTO {self.name} ({_listed(self.columns)}) VALUES ({marks})"


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A file that nobody writes; nothing is made beside it."""
    with closing(
        sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, isolation_level=None)
    ) as found:
        yield found


def tables(connection: sqlite3.Connection) -> Sequence[Table]:
    """All but the one that holds the revision."""
    names = [name for (name,) in connection.execute(_TABLES) if name != REVISION]
    return [_table(connection, name) for name in names]


def make_schema(path: Path, revision: str) -> None:
    """An empty file gets the schema of this revision."""
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path), poolclass=NullPool)
    with engine.begin() as connection:
        upgrade(connection, revision)
    engine.dispose()


def revision_of(connection: sqlite3.Connection) -> str:
    row = connection.execute(f"SELECT version_num FROM {REVISION}").fetchone()
    return str(row[0]) if row else ""


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = connection.execute(f"SELECT name, pk FROM pragma_table_info('{name}') ORDER BY cid").fetchall()
    key = [column for column, pk in sorted(columns, key=lambda one: one[1]) if pk]
    named = tuple(column for column, _ in columns)
    return Table(name, named, tuple(key) or named)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
