"""accounts: the person behind each account, as first seen and as linked since."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text

from app.rebuild.model import Derived, Key, Projection, Rows, adopted, decoded
from manifests.record import Record


class AccountRow(msgspec.Struct, frozen=True):
    account: str
    person: str
    kind: str | msgspec.UnsetType = msgspec.UNSET


class SeenData(msgspec.Struct, frozen=True):
    """The data of a ``person.seen`` record, whose resource is ``person/<person>``."""

    account: str
    kind: str | msgspec.UnsetType = msgspec.UNSET


class _Linked(msgspec.Struct, frozen=True):
    account: str
    person: str
    state: str = "linked"


class _LinkedData(msgspec.Struct, frozen=True):
    """Of a ``person.linked`` record; those of versions before this one tell no rows."""

    account: str = ""
    person: str = ""
    rows: tuple[_Linked, ...] = ()


def derive(records: Iterable[Record]) -> dict[Key, Derived[AccountRow]]:
    found: dict[Key, Derived[AccountRow]] = {}
    links: list[tuple[int, _Linked]] = []
    for record in records:
        if record.event == "person.seen":
            seen = decoded(SeenData, record)
            row = AccountRow(seen.account, record.resource.partition("/")[2], seen.kind)
            found.setdefault((row.account,), Derived(row, record.seq))
        elif adopted(record, "accounts"):
            for row in decoded(Rows[AccountRow], record).rows:
                found.setdefault((row.account,), Derived(row, record.seq))
        elif record.event == "person.linked" or adopted(record, "account_links"):
            data = decoded(_LinkedData, record)
            links += ((record.seq, link) for link in data.rows or (_Linked(data.account, data.person),))
    # Told under other names than the accounts, so their order is that of the log.
    for seq, link in sorted(links, key=lambda told: told[0]):
        if link.state == "linked":
            before = found.get((link.account,))
            kind = before.row.kind if before else "User"
            found[(link.account,)] = Derived(AccountRow(link.account, link.person, kind), seq)
    return found


PROJECTION = Projection(
    table="accounts", row=AccountRow, key=("account",), prefixes=("person", "link"), derive=derive,
    adopt=lambda row: resource(row.person),
    select=text("SELECT account, person, kind FROM accounts WHERE tenant = :log"),
    # The login is no part of the log; it is read anew when the account is next seen.
    add=text(
        "INSERT INTO accounts (tenant, account, login, kind, person, seen_at)"
        " VALUES (:log, :account, :account, :kind, :person, 0)"
    ),
    change=text("UPDATE accounts SET person = :person, kind = :kind WHERE tenant = :log AND account = :account"),
    remove=text("DELETE FROM accounts WHERE tenant = :log AND account = :account"),
)  # fmt: skip


def resource(person: str) -> str:
    return f"person/{person}"
