"""memberships: since when an account has belonged to a group, and who gave it that."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import SERVICE, say


class MembershipRow(msgspec.Struct, frozen=True):
    """``until`` None: still a member."""

    source: str
    account: str
    since: int
    granted_by: str
    until: int | None = None


_KEY = ("source", "account")
_COLUMNS = "source, account, since, granted_by, until"
PROJECTION = Projection(
    table="memberships", row=MembershipRow, key=_KEY, prefixes=("group",),
    derive=told("memberships", MembershipRow, _KEY, "membership.seen"),
    adopt=lambda row: resource(row.source),
    select=text(f"SELECT {_COLUMNS} FROM memberships WHERE tenant = :log"),
    add=text(
        f"INSERT INTO memberships (tenant, {_COLUMNS}) VALUES (:log, :source, :account, :since, :granted_by, :until)"
    ),
    change=text(
        "UPDATE memberships SET since = :since, granted_by = :granted_by, until = :until WHERE tenant = :log"
        " AND source = :source AND account = :account"
    ),
    remove=text("DELETE FROM memberships WHERE tenant = :log AND source = :source AND account = :account"),
)  # fmt: skip
_OF_SOURCE = text(f"SELECT {_COLUMNS} FROM memberships WHERE tenant = :log AND source = :source")


def resource(source: str) -> str:
    return f"group/{source}"


def rows(tx: Tx, log: str, source: str) -> tuple[MembershipRow, ...]:
    return tuple(MembershipRow(*tuple(row)) for row in tx.all(_OF_SOURCE, log=log, source=source))


def say_memberships(
    tx: Tx, log: str, source: str, rows: Sequence[MembershipRow], ts: int, *, by: str = SERVICE
) -> None:
    """Memberships as they are after a change; ``by`` is the account that made it, where that was seen."""
    ordered = sorted(rows, key=lambda row: row.account)
    say(
        tx, log, "membership.seen", resource(source), ordered, trace_id=source.replace(":", "-"), ts=ts,
        component="people", actor_ref=by,
    )  # fmt: skip
