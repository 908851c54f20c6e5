"""Broken glasses as their tables tell them, for lists and look-ups. What decisions count is held to the log
(app.glass.bearing)."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.glasses import GlassRow

_COLUMNS = ", ".join(f"b.{name}" for name in GlassRow.__struct_fields__)
_SELECT = (
    f"SELECT {_COLUMNS}, v.at AS reviewed_at, coalesce(r.name, '') AS repository, coalesce(l.number, 0) AS number,"
    " coalesce(l.path, '') AS path FROM broken_glasses b LEFT JOIN glass_reviews v ON v.glass_id = b.id"
    " LEFT JOIN repositories r ON r.id = b.repository_id LEFT JOIN releases l ON l.id = b.release_id"
    " WHERE b.tenant = :tenant"
)
_ONE = text(f"{_SELECT} AND b.id = :id")
_NEWEST = text(f"{_SELECT} ORDER BY b.at DESC, b.id LIMIT :most")
_DUE = text(f"{_SELECT} AND v.at IS NULL AND b.due_at <= :now ORDER BY b.due_at, b.id")


class StoredGlass(msgspec.Struct, frozen=True):
    """A broken glass with the repository and the release that people know it by. ``reviewed_at`` is None while nobody
    has looked back on it."""

    row: GlassRow
    reviewed_at: int | None
    repository: str
    number: int
    path: str


def open_glass(tx: Tx, tenant: str, glass_id: str) -> StoredGlass | None:
    """A broken glass that waits to be reviewed; None when there is none of that id, or it was reviewed."""
    row = tx.first(_ONE, tenant=tenant, id=glass_id)
    found = None if row is None else _read(tuple(row))
    return found if found is not None and found.reviewed_at is None else None


def newest(tx: Tx, tenant: str, most: int) -> tuple[StoredGlass, ...]:
    """All of a tenant's, last broken first."""
    return tuple(_read(tuple(row)) for row in tx.all(_NEWEST, tenant=tenant, most=most))


def due(tx: Tx, tenant: str, now: int) -> tuple[StoredGlass, ...]:
    """Those that should have been reviewed by ``now`` and were not."""
    return tuple(_read(tuple(row)) for row in tx.all(_DUE, tenant=tenant, now=now))


def _read(values: tuple[object, ...]) -> StoredGlass:
    *row, reviewed_at, repository, number, path = values
    return msgspec.convert(
        {
            "row": dict(zip(GlassRow.__struct_fields__, row, strict=True)), "reviewed_at": reviewed_at,
            "repository": repository, "number": number, "path": path,
        },
        StoredGlass,
    )  # fmt: skip
