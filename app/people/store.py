"""Persons, their accounts, and how long they have belonged to which group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import bindparam, text

from app.db.tx import Tx
from app.rebuild.links import LinkRow, say_link
from app.rebuild.memberships import MembershipRow, say_memberships
from app.rebuild.memberships import rows as membership_rows
from app.rebuild.pins import PinRow, say_pin
from app.rebuild.saying import SERVICE

_KNOWN = text(
    "SELECT account, login, kind, person FROM accounts WHERE tenant = :tenant AND account IN :accounts"
).bindparams(bindparam("accounts", expanding=True))
_OF_PERSONS = text(
    "SELECT account, login, kind, person FROM accounts WHERE tenant = :tenant AND person IN :persons ORDER BY account"
).bindparams(bindparam("persons", expanding=True))
_PERSON = text("INSERT INTO persons (id, tenant, created_at) VALUES (:person, :tenant, :at)")
_ACCOUNT = text(
    "INSERT INTO accounts (tenant, account, login, kind, person, seen_at)"
    " VALUES (:tenant, :account, :login, :kind, :person, :at)"
)
_RENAME = text("UPDATE accounts SET login = :login WHERE tenant = :tenant AND account = :account")
_REASSIGN = text("UPDATE accounts SET person = :person WHERE tenant = :tenant AND account = :account")
_LINK_EVENTS = text(
    "SELECT id, account, person, state, by, at FROM account_links WHERE tenant = :tenant ORDER BY at, id"
)
_LINK = text(
    "INSERT INTO account_links (id, tenant, account, person, state, by, at)"
    " VALUES (:id, :tenant, :account, :person, :state, :by, :at)"
)
_BY_LOGIN = text("SELECT account, login, kind, person FROM accounts WHERE tenant = :tenant AND lower(login) = :login")
_ALL = text("SELECT account, login, kind, person FROM accounts WHERE tenant = :tenant ORDER BY login")
_JOIN = text(
    "INSERT INTO memberships (tenant, source, account, since, granted_by, until)"
    " VALUES (:tenant, :source, :account, :at, :by, NULL) ON CONFLICT (tenant, source, account) DO UPDATE SET"
    " since = CASE WHEN memberships.until IS NULL THEN memberships.since ELSE excluded.since END,"
    " granted_by = CASE WHEN excluded.granted_by = '' THEN memberships.granted_by"
    " ELSE excluded.granted_by END, until = NULL"
)
_LEAVE = text(
    "UPDATE memberships SET until = :at"
    " WHERE tenant = :tenant AND source = :source AND account = :account AND until IS NULL"
)
_PIN = text(
    "INSERT INTO group_pins (tenant, team, team_id, at) VALUES (:tenant, :team, :team_id, :at)"
    " ON CONFLICT (tenant, team) DO NOTHING"
)


class KnownAccount(msgspec.Struct, frozen=True):
    """An account (``github:<id>``, ``servicenow:<sys_id>`` or ``idp:<subject>``) and the person it belongs to."""

    account: str
    login: str
    kind: str
    person: str


class LinkEvent(msgspec.Struct, frozen=True):
    """One step of a link: ``proposed``, ``linked`` (by a second person) or ``unlinked``."""

    id: str
    account: str
    person: str
    state: str
    by: str
    at: int


def known(tx: Tx, tenant: str, accounts: Iterable[str]) -> dict[str, KnownAccount]:
    wanted = sorted(set(accounts))
    if not wanted:
        return {}
    rows = tx.all(_KNOWN, tenant=tenant, accounts=wanted)
    return {row.account: KnownAccount(row.account, row.login, row.kind, row.person) for row in rows}


def of_persons(tx: Tx, tenant: str, persons: Iterable[str]) -> tuple[KnownAccount, ...]:
    """All accounts of these persons."""
    wanted = sorted(set(persons))
    rows = tx.all(_OF_PERSONS, tenant=tenant, persons=wanted) if wanted else ()
    return tuple(KnownAccount(row.account, row.login, row.kind, row.person) for row in rows)


def everyone(tx: Tx, tenant: str) -> tuple[KnownAccount, ...]:
    return tuple(KnownAccount(r.account, r.login, r.kind, r.person) for r in tx.all(_ALL, tenant=tenant))


def by_login(tx: Tx, tenant: str, login: str) -> tuple[KnownAccount, ...]:
    """Accounts of this login; logins are compared without case and can be reused, so there may be several."""
    rows = tx.all(_BY_LOGIN, tenant=tenant, login=login.lower())
    return tuple(KnownAccount(row.account, row.login, row.kind, row.person) for row in rows)


def add(tx: Tx, tenant: str, account: KnownAccount, at: int) -> None:
    """A new person with this one account."""
    tx.run(_PERSON, person=account.person, tenant=tenant, at=at)
    tx.run(
        _ACCOUNT, tenant=tenant, account=account.account, login=account.login, kind=account.kind,
        person=account.person, at=at,
    )  # fmt: skip


def rename(tx: Tx, tenant: str, account: str, login: str) -> None:
    tx.run(_RENAME, tenant=tenant, account=account, login=login)


def reassign(tx: Tx, tenant: str, account: str, person: str) -> None:
    tx.run(_REASSIGN, tenant=tenant, account=account, person=person)


def link_events(tx: Tx, tenant: str) -> tuple[LinkEvent, ...]:
    return tuple(
        LinkEvent(row.id, row.account, row.person, row.state, row.by, row.at)
        for row in tx.all(_LINK_EVENTS, tenant=tenant)
    )


def add_link_event(tx: Tx, tenant: str, event: LinkEvent) -> None:
    """With its record."""
    tx.run(_LINK, tenant=tenant, **msgspec.structs.asdict(event))
    say_link(tx, tenant, LinkRow(*msgspec.structs.astuple(event)))


def memberships(tx: Tx, tenant: str, source: str) -> dict[str, tuple[int, str]]:
    """Account → (known since, account that granted it or empty) of the current members of a source."""
    rows = membership_rows(tx, tenant, source)
    return {row.account: (row.since, row.granted_by) for row in rows if row.until is None}


def join(tx: Tx, tenant: str, source: str, accounts: Mapping[str, str], at: int) -> None:
    """Accounts, with who granted the membership where that was seen; and the record of what changed."""
    rows = [
        {"tenant": tenant, "source": source, "account": account, "by": by, "at": at}
        for account, by in sorted(accounts.items())
    ]
    before = set(membership_rows(tx, tenant, source))
    tx.run_many(_JOIN, rows)
    _say_changed(tx, tenant, source, before, at, accounts.values())


def leave(tx: Tx, tenant: str, source: str, accounts: Iterable[str], at: int) -> None:
    rows = [{"tenant": tenant, "source": source, "account": account, "at": at} for account in sorted(accounts)]
    before = set(membership_rows(tx, tenant, source))
    tx.run_many(_LEAVE, rows)
    _say_changed(tx, tenant, source, before, at, ())


def _say_changed(
    tx: Tx, tenant: str, source: str, before: set[MembershipRow], at: int, granters: Iterable[str]
) -> None:
    by = {granter for granter in granters if granter}
    changed = [row for row in membership_rows(tx, tenant, source) if row not in before]
    say_memberships(tx, tenant, source, changed, at, by=by.pop() if len(by) == 1 else SERVICE)


def pin_team(tx: Tx, tenant: str, team: str, team_id: int, at: int) -> None:
    """Keep the id that this team name was first seen with, and say so; once."""
    if tx.run(_PIN, tenant=tenant, team=team, team_id=team_id, at=at).rowcount:
        say_pin(tx, tenant, PinRow(team, team_id, at))
