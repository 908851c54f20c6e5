"""broken_glasses and glass_reviews: what an allow by breaking the glass used up, and who has looked back on it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import bindparam, text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import SERVICE, say


class GlassRow(msgspec.Struct, frozen=True):
    """``id`` is the decision that used the glass up; ``grants_json`` lists the grants that broke it. A member of the
    group ``review_by`` has to review it by ``due_at``."""

    id: str
    repository_id: int
    release_id: str
    environment: str
    grants_json: str
    review_by: str
    due_at: int
    at: int

    @property
    def grants(self) -> tuple[str, ...]:
        return msgspec.json.decode(self.grants_json, type=tuple[str, ...])


class ReviewRow(msgspec.Struct, frozen=True):
    """``grant_id`` is the reviewer's statement."""

    glass_id: str
    grant_id: str
    at: int


_COLUMNS = ", ".join(GlassRow.__struct_fields__)
_REVIEW = ", ".join(ReviewRow.__struct_fields__)
PROJECTION = Projection(
    table="broken_glasses", row=GlassRow, key=("id",), prefixes=("glass",),
    derive=told("broken_glasses", GlassRow, ("id",), "glass.broken"),
    select=text(f"SELECT {_COLUMNS} FROM broken_glasses WHERE tenant = :log"),
    add=text(
        f"INSERT INTO broken_glasses (tenant, {_COLUMNS}) VALUES (:log, :id, :repository_id, :release_id,"
        " :environment, :grants_json, :review_by, :due_at, :at) ON CONFLICT (id) DO NOTHING"
    ),
)  # fmt: skip
REVIEWS = Projection(
    table="glass_reviews", row=ReviewRow, key=("glass_id",), prefixes=("glass",),
    derive=told("glass_reviews", ReviewRow, ("glass_id",), "glass.reviewed"),
    select=text(f"SELECT {_REVIEW} FROM glass_reviews WHERE tenant = :log"),
    add=text(
        f"INSERT INTO glass_reviews (tenant, {_REVIEW}) VALUES (:log, :glass_id, :grant_id, :at)"
        " ON CONFLICT (glass_id) DO NOTHING"
    ),
)  # fmt: skip
_OF_REPOSITORY = text(
    f"SELECT {_COLUMNS} FROM broken_glasses WHERE tenant = :log AND repository_id = :repository_id ORDER BY at, id"
)
_REVIEWS_OF = text(
    f"SELECT {_REVIEW} FROM glass_reviews WHERE tenant = :log AND glass_id IN :ids"
).bindparams(bindparam("ids", expanding=True))  # fmt: skip


def resource(repository_id: int, glass_id: str) -> str:
    return f"glass/{repository_id}/{glass_id}"


def rows(tx: Tx, log: str, repository_id: int) -> tuple[GlassRow, ...]:
    found = tx.all(_OF_REPOSITORY, log=log, repository_id=repository_id)
    return tuple(GlassRow(*tuple(row)) for row in found)


def reviews(tx: Tx, log: str, ids: Iterable[str]) -> tuple[ReviewRow, ...]:
    wanted = sorted(set(ids))
    return tuple(ReviewRow(*tuple(row)) for row in tx.all(_REVIEWS_OF, log=log, ids=wanted)) if wanted else ()


def add_broken(tx: Tx, log: str, row: GlassRow, *, trace_id: str, by: str) -> None:
    """The glass and its record; ``by`` is who redeemed the decision."""
    assert PROJECTION.add is not None
    tx.run(PROJECTION.add, log=log, **msgspec.structs.asdict(row))
    say(
        tx, log, "glass.broken", resource(row.repository_id, row.id), [row], trace_id=trace_id, ts=row.at,
        component="glass", stage="deploy", actor_ref=by, outcome="broken", tags=("P1",),
    )  # fmt: skip


def add_review(tx: Tx, log: str, glass: GlassRow, row: ReviewRow, *, trace_id: str, person: str) -> bool:
    """The review and its record; False when the glass was reviewed before."""
    assert REVIEWS.add is not None
    if not tx.run(REVIEWS.add, log=log, **msgspec.structs.asdict(row)).rowcount:
        return False
    say(
        tx, log, "glass.reviewed", resource(glass.repository_id, glass.id), [row], trace_id=trace_id, ts=row.at,
        component="glass", stage="close", actor_ref=person, outcome="reviewed",
    )  # fmt: skip
    return True


def say_lapsed(tx: Tx, log: str, row: GlassRow, *, trace_id: str, ts: int) -> None:
    """On record that nobody looked back in time."""
    say(
        tx, log, "glass.lapsed", resource(row.repository_id, row.id), [row], trace_id=trace_id, ts=ts,
        component="glass", stage="close", actor_ref=SERVICE, outcome="lapsed", tags=("P1",),
    )  # fmt: skip
