"""release_contributors: whoever ever had a hand in a release."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import say


class ContributorRow(msgspec.Struct, frozen=True):
    release_id: str
    account: str
    person: str
    role: str


_KEY = ("release_id", "account", "person", "role")
PROJECTION = Projection(
    table="release_contributors", row=ContributorRow, key=_KEY, prefixes=("contributors",),
    derive=told("release_contributors", ContributorRow, _KEY, "contributors.seen"),
    adopt=lambda row: resource(row.release_id),
    select=text(
        "SELECT c.release_id, c.account, c.person, c.role FROM release_contributors c"
        " LEFT JOIN releases r ON r.id = c.release_id WHERE coalesce(r.tenant, :log) = :log"
    ),
    add=text(
        "INSERT INTO release_contributors (release_id, account, person, role)"
        " VALUES (:release_id, :account, :person, :role)"
    ),
    remove=text(
        "DELETE FROM release_contributors WHERE release_id = :release_id AND account = :account"
        " AND person = :person AND role = :role"
    ),
)  # fmt: skip
_OF_RELEASE = text("SELECT release_id, account, person, role FROM release_contributors WHERE release_id = :release_id")


def resource(release_id: str) -> str:
    return f"contributors/{release_id}"


def rows(tx: Tx, release_id: str) -> tuple[ContributorRow, ...]:
    return tuple(ContributorRow(*tuple(row)) for row in tx.all(_OF_RELEASE, release_id=release_id))


def say_contributors(tx: Tx, log: str, release_id: str, rows: Sequence[ContributorRow], ts: int) -> None:
    say(
        tx, log, "contributors.seen", resource(release_id), rows, trace_id=release_id, ts=ts, component="pulls",
        stage="propose",
    )  # fmt: skip
