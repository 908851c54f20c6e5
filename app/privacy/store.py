"""Erasures and legal holds, both only ever added to; and what the other tables know of a person."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, text

from app.audit import store as audit
from app.db.tx import Tx
from app.privacy.model import ABOUT_ALL, RETENTION, Step, Subject
from manifests.vocabulary import Event

_ADD_ERASURE = text(
    "INSERT INTO erasures (id, state, tenant, person, reason, by, at)"
    " VALUES (:id, :state, :tenant, :subject, :reason, :by, :at) ON CONFLICT (id, state) DO NOTHING"
)
_ERASURES = text(
    "SELECT id, state, tenant, person, reason, by, at FROM erasures WHERE tenant = :tenant ORDER BY at, id, state DESC"
)
_ADD_HOLD = text(
    "INSERT INTO legal_holds (id, state, tenant, subject, reason, by, at)"
    " VALUES (:id, :state, :tenant, :subject, :reason, :by, :at) ON CONFLICT (id, state) DO NOTHING"
)
_HOLDS = text(
    "SELECT id, state, tenant, subject, reason, by, at FROM legal_holds WHERE tenant = :tenant ORDER BY at, id, state"
)
_ACCOUNT = text("SELECT person FROM accounts WHERE tenant = :tenant AND account = :account")
_ACCOUNTS = text("SELECT account FROM accounts WHERE tenant = :tenant AND person = :person ORDER BY account")
_BY_LOGIN = text("SELECT DISTINCT person FROM accounts WHERE tenant = :tenant AND lower(login) = :login")
_HAS_KEY = text("SELECT person FROM subject_keys WHERE tenant = :tenant AND person = :subject LIMIT 1")
_FORGET_LOGIN = text("UPDATE accounts SET login = '' WHERE tenant = :tenant AND account IN :accounts").bindparams(
    bindparam("accounts", expanding=True)
)
_FORGET_TITLE = text("UPDATE pulls SET title = '' WHERE tenant = :tenant AND author IN :accounts").bindparams(
    bindparam("accounts", expanding=True)
)


class _About(msgspec.Struct):
    subject: str


def add_erasure(tx: Tx, step: Step) -> bool:
    """False when this erasure has such a step already."""
    return bool(tx.run(_ADD_ERASURE, **msgspec.structs.asdict(step)).rowcount)


def borne_out(tx: Tx, step: Step, resource: str, event: Event) -> bool:
    """Whether the log has the record of a step: who writes rows alone takes none. Raises RecordAlteredError."""
    wanted = (event, step.by, step.subject)
    told = audit.records_of(tx, step.tenant, resource)
    return any(
        (one.event, one.actor_ref, msgspec.json.decode(one.data, type=_About).subject) == wanted
        for one in told
        if one.event == event
    )


def erasures(tx: Tx, tenant: str) -> tuple[Step, ...]:
    """Every step of every erasure, oldest first."""
    return tuple(Step(*tuple(row)) for row in tx.all(_ERASURES, tenant=tenant))


def add_hold(tx: Tx, step: Step) -> bool:
    return bool(tx.run(_ADD_HOLD, **msgspec.structs.asdict(step)).rowcount)


def holds(tx: Tx, tenant: str) -> tuple[Step, ...]:
    """Every step of every hold, oldest first."""
    return tuple(Step(*tuple(row)) for row in tx.all(_HOLDS, tenant=tenant))


def find(tx: Tx, tenant: str, named: str) -> tuple[Subject, ...]:
    """The subjects that a person's id, an account (``github:<id>``), a login or a key's subject may mean."""
    row = tx.first(_ACCOUNT, tenant=tenant, account=named)
    persons = [row.person] if row is not None else []
    if not persons and tx.all(_ACCOUNTS, tenant=tenant, person=named):
        persons = [named]
    if not persons and named.strip():
        persons = [found.person for found in tx.all(_BY_LOGIN, tenant=tenant, login=named.strip().lower())]
    if (
        not persons
        and named not in (ABOUT_ALL, RETENTION)
        and tx.first(_HAS_KEY, tenant=tenant, subject=named) is not None
    ):
        return (Subject(named),)
    return tuple(subject(tx, tenant, person) for person in sorted(persons))


def subject(tx: Tx, tenant: str, person: str) -> Subject:
    return Subject(person, tuple(row.account for row in tx.all(_ACCOUNTS, tenant=tenant, person=person)))


def whole(tx: Tx, tenant: str, name: str) -> Subject:
    """Whoever has this name by now: the person, where it is an account of one."""
    row = tx.first(_ACCOUNT, tenant=tenant, account=name)
    return subject(tx, tenant, name if row is None else row.person)


def forget(tx: Tx, tenant: str, accounts: Sequence[str]) -> None:
    """Take logins and titles out of the tables that show them; ids stay, or one human could come back as two."""
    if accounts:
        tx.run(_FORGET_LOGIN, tenant=tenant, accounts=list(accounts))
        tx.run(_FORGET_TITLE, tenant=tenant, accounts=list(accounts))
