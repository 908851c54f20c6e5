"""Whether two callers are two persons."""

from __future__ import annotations

from app.db.tx import Tx


def same_person(tx: Tx, tenant: str, one: str, other: str) -> str:
    """Why two actors (``token:<id>``) may be one person; empty when they are two."""
    return f"{one} for both" if one == other else ""
