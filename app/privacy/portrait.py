"""Everything that is kept about one person, as it is given to them (GDPR article 15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import bindparam, text

from app.clock import SECOND
from app.db.tx import Tx
from app.privacy.deliveries import Deliveries
from app.privacy.model import Subject
from app.privacy.sealer import Sealer
from manifests import record
from manifests.errors import ManifestError
from manifests.record import Record
from manifests.times import to_rfc3339

MOST = 20_000
"""So many rows of a kind are shown at most; ``shortened`` then says so."""

_TABLES = {
    "accounts": (
        "SELECT account, login, kind, person, seen_at FROM accounts WHERE tenant = :tenant AND person = :person"
    ),
    "links": (
        "SELECT id, account, person, state, by, at FROM account_links WHERE tenant = :tenant"
        " AND (person = :person OR account IN :accounts) ORDER BY at"
    ),
    "memberships": (
        "SELECT source, account, since, granted_by, until FROM memberships WHERE tenant = :tenant"
        " AND (account IN :accounts OR granted_by IN :accounts)"
    ),
    "keys": (
        "SELECT fingerprint, step, state, account, public_key, by, at, usable_at, reason, since FROM person_keys"
        " WHERE tenant = :tenant AND person = :person ORDER BY fingerprint, step"
    ),
    "consents": (
        "SELECT g.id, g.release_id, g.decision, g.consent_json, g.issued_at, v.reason AS void FROM grants g"
        " LEFT JOIN grant_voids v ON v.grant_id = g.id WHERE g.tenant = :tenant AND g.person = :person"
    ),
    "releases asked for": (
        "SELECT id, name, version, path, state, proposed_at FROM releases WHERE tenant = :tenant"
        " AND requester IN :accounts"
    ),
    "contributions": (
        "SELECT c.release_id, c.account, c.role FROM release_contributors c JOIN releases r ON r.id = c.release_id"
        " WHERE r.tenant = :tenant AND (c.person = :person OR c.account IN :accounts)"
    ),
    "pull requests": (
        "SELECT repository_id, number, title, state FROM pulls WHERE tenant = :tenant AND author IN :accounts"
    ),
    "pushes": (
        "SELECT h.repository_id, h.number, h.sha, h.event, h.received_at FROM heads h JOIN repositories r"
        " ON r.id = h.repository_id WHERE r.tenant = :tenant AND h.actor IN :accounts"
    ),
    "observations": (
        "SELECT o.repository_id, o.number, o.kind, o.received_at, o.body_json FROM observations o"
        " JOIN repositories r ON r.id = o.repository_id WHERE r.tenant = :tenant AND o.actor IN :accounts"
    ),
    "erasures": "SELECT id, state, by, at FROM erasures WHERE tenant = :tenant AND person = :person",
    "legal holds": "SELECT id, state, by, at FROM legal_holds WHERE tenant = :tenant AND subject = :person",
}
_STATEMENTS = {
    name: text(sql + f" LIMIT {MOST + 1}").bindparams(
        *([bindparam("accounts", expanding=True)] if ":accounts" in sql else [])
    )
    for name, sql in _TABLES.items()
}
_MENTIONS = "SELECT seq, body FROM records WHERE log = :log AND seq >= :since AND ({}) ORDER BY seq LIMIT 1000"
_SQLITE, _POSTGRES = "instr(CAST(body AS BLOB), :n{0}) > 0", "position(:n{0} IN body) > 0"
_DELIVERIES = text(
    "SELECT d.digest, d.event, d.received_at FROM deliveries d JOIN subject_keys k ON k.id = d.sealed_under"
    f" WHERE k.tenant = :tenant AND k.person IN :names ORDER BY d.id LIMIT {MOST + 1}"
).bindparams(bindparam("names", expanding=True))


class Mention(msgspec.Struct, frozen=True):
    """A record that names the person; ``unsealed`` are those of its sealed fields that are about them."""

    record: Record
    unsealed: dict[str, str | None]


class Delivered(msgspec.Struct, frozen=True):
    """A webhook delivery that the person caused; ``body`` None when it cannot be opened."""

    digest: str
    event: str
    received_at: str
    body: msgspec.Raw | None


class Portrait(msgspec.Struct, frozen=True):
    """``tables`` by what they are about; instants in them are microseconds since 1970 UTC."""

    tenant: str
    person: str
    accounts: tuple[str, ...]
    made_at: str
    tables: dict[str, list[dict[str, Any]]]
    records: list[Mention]
    deliveries: list[Delivered]
    shortened: tuple[str, ...] = ()


def portrait(
    tx: Tx, tenant: str, subject: Subject, sealer: Sealer, deliveries: Deliveries, now: int
) -> Portrait:  # fmt: skip
    """Raises ManifestError for what its key does not open."""
    values = {"tenant": tenant, "person": subject.id, "accounts": list(subject.accounts) or [""]}
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, statement in _STATEMENTS.items():
        used = {key: value for key, value in values.items() if f":{key}" in _TABLES[name]}
        tables[name] = [dict(row._mapping) for row in tx.all(statement, **used)]
    sent = list(_delivered(tx, tenant, subject, deliveries))
    mentions = [Mention(read, _about(tx, subject, read, sealer)) for read in _records(tx, tenant, subject)]
    short = tuple(name for name, rows in tables.items() if len(rows) > MOST)
    short += tuple(name for name, rows in (("records", mentions), ("deliveries", sent)) if len(rows) > MOST)
    return Portrait(
        tenant, subject.id, subject.accounts, to_rfc3339(now // SECOND * SECOND),
        {name: rows[:MOST] for name, rows in tables.items()}, mentions[:MOST], sent[:MOST], short,
    )  # fmt: skip


def _needles(name: str) -> tuple[str, ...]:
    """A random id is nobody else's wherever it stands; an account may be the beginning of another."""
    return (f'"{name}"', f'-{name}"', f'/{name}"', f"{{name:{name}}}") if ":" in name else (name,)


def _records(tx: Tx, tenant: str, subject: Subject) -> Iterator[Record]:
    """Every record whose bytes hold the person's id or an account, as a whole word of JSON or of a name."""
    needles = [needle.encode() for name in subject.names for needle in _needles(name)]
    form = _SQLITE if tx.connection.dialect.name == "sqlite" else _POSTGRES
    statement = text(_MENTIONS.format(" OR ".join(form.format(place) for place in range(len(needles)))))
    values = {f"n{place}": needle for place, needle in enumerate(needles)}
    since = found = 0
    while rows := tx.all(statement, log=tenant, since=since, **values):
        for row in rows:
            try:
                yield record.parse(bytes(row.body))
            except ManifestError:
                continue
            found += 1
        since = rows[-1].seq + 1
        if found > MOST:
            return


def _about(tx: Tx, subject: Subject, read: Record, sealer: Sealer) -> dict[str, str | None]:
    """Not what is sealed about others in the same record."""
    own = set()
    for sealed in read.sealed:
        key = sealer.keys.by_id(tx, read.log, sealed.key)
        if key is None or key.subject in subject.names:
            own.add(sealed.field)
    return {field: value for field, value in sealer.record(tx, read).items() if field in own}


def _delivered(tx: Tx, tenant: str, subject: Subject, deliveries: Deliveries) -> Iterator[Delivered]:
    for row in tx.all(_DELIVERIES, tenant=tenant, names=list(subject.names)):
        body = deliveries.body(tx, row.digest)
        at = to_rfc3339(row.received_at // SECOND * SECOND)
        yield Delivered(row.digest, row.event, at, None if body is None else _json(body))


def _json(body: bytes) -> msgspec.Raw:
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.Raw(msgspec.json.encode(body.decode(errors="replace")))
    return msgspec.Raw(body)
