"""Which grants wait for an anchor outside the database."""

from __future__ import annotations

from sqlalchemy import text

from app.db.tx import Tx
from app.sinks import store
from gates.model import Unanchored

_RECORDED = text(
    "SELECT resource, at FROM records WHERE log = :log AND resource >= :first AND resource < :last"
    " AND event = 'grant.recorded' AND seq >= :anchored ORDER BY seq"
)


def unanchored(tx: Tx, log: str, release_id: str) -> tuple[Unanchored, ...]:
    """The grants of a release whose records are beyond the newest anchor, the oldest first."""
    first, last = f"grant/{release_id}/", f"grant/{release_id}0"
    rows = tx.all(_RECORDED, log=log, first=first, last=last, anchored=store.anchored_size(tx, log))
    return tuple(Unanchored(row.resource.rpartition("/")[2], row.at) for row in rows)
