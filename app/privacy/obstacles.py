"""What stands against erasing somebody: identities that decisions rest on, legal holds, and what would undo it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import bindparam, text

from app.clock import SECOND
from app.db.tx import Tx
from app.people import key_store
from app.privacy import holds
from app.privacy.model import Obstacle, Subject
from gates.words import instant, listing

DAY = 86_400 * SECOND

_LAST = "CASE WHEN p.updated_at > r.updated_at THEN p.updated_at ELSE r.updated_at END AS last_at"
_FROM = (
    f"SELECT r.id, r.name, r.version, r.state, {_LAST} FROM releases r"
    " LEFT JOIN pulls p ON p.repository_id = r.repository_id AND p.number = r.number WHERE r.tenant = :tenant AND "
)
_REQUESTED = text(_FROM + "r.requester IN :accounts").bindparams(bindparam("accounts", expanding=True))
_CONSENTED = text(_FROM + "r.id IN (SELECT release_id FROM grants WHERE tenant = :tenant AND person = :person)")
_CHANGED = text(_FROM + "r.id IN (SELECT release_id FROM changes WHERE tenant = :tenant AND facts_json LIKE :needle)")
_MEMBER = text(
    "SELECT DISTINCT source FROM memberships WHERE tenant = :tenant AND account IN :accounts AND until IS NULL"
).bindparams(bindparam("accounts", expanding=True))


def obstacles(tx: Tx, tenant: str, subject: Subject, now: int, days: int) -> tuple[Obstacle, ...]:
    """Why this subject cannot be erased at ``now``; ``days`` is how long records are kept."""
    found = [*_holds(tx, tenant, subject)]
    found += _releases(tx, tenant, subject, now, days)
    found += _member(tx, tenant, subject)
    found += _keys(tx, tenant, subject)
    return tuple(found)


def _holds(tx: Tx, tenant: str, subject: Subject) -> Iterator[Obstacle]:
    for hold in holds.over(tx, tenant, subject):
        yield Obstacle(
            "hold", f"legal hold {hold} stands over them",
            "Two persons lift it first: `countersign holds lift`.",
        )  # fmt: skip


def _releases(tx: Tx, tenant: str, subject: Subject, now: int, days: int) -> Iterator[Obstacle]:
    asked = tx.all(_REQUESTED, tenant=tenant, accounts=list(subject.names))
    consented = tx.all(_CONSENTED, tenant=tenant, person=subject.id)
    changed = tx.all(_CHANGED, tenant=tenant, needle=f'%"person":"{subject.id}"%')
    for verb, rows in (("asked for", asked), ("approved or rejected", consented), ("approved the change of", changed)):
        for row in rows:
            until = row.last_at + days * DAY
            if row.state == "open":
                yield Obstacle(
                    "release.open", f"they {verb} {row.name} {row.version}, which is open", "Close or merge it first."
                )
            elif until > now:
                yield Obstacle(
                    "release.kept", f"they {verb} {row.name} {row.version}, which is kept until {instant(until)}",
                    "Who asked for a release and who approved it stays known until its retention ends.", until,
                )  # fmt: skip


def _member(tx: Tx, tenant: str, subject: Subject) -> Iterator[Obstacle]:
    sources = sorted(row.source for row in tx.all(_MEMBER, tenant=tenant, accounts=list(subject.names)))
    if sources:
        yield Obstacle(
            "member", f"they are a member of {listing(sources)}, so their name would be learnt again at once",
            "Take them out of the group first.",
        )  # fmt: skip


def _keys(tx: Tx, tenant: str, subject: Subject) -> Iterator[Obstacle]:
    last: dict[str, str] = {}
    for step in key_store.everything(tx, tenant):
        if step.person == subject.id:
            last[step.fingerprint] = step.state
    for fingerprint in sorted(name for name, state in last.items() if state != "revoked"):
        yield Obstacle("key", f"their key {fingerprint} can still sign", "Revoke it first: people revoke-key.")
