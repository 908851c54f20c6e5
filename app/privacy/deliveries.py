"""Webhook deliveries: sealed under their sender's key once worked on, removed once their retention is over.

They arrive at thousands a second and are answered before anybody knows whose they are, so they are sealed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, text

from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.people import store as people
from app.privacy import holds, store
from app.privacy.keys import DataKey
from app.privacy.model import EVERYTHING
from app.privacy.obstacles import DAY
from app.privacy.sealer import Sealer
from app.privacy.zeroing import zeroing
from manifests.canonical import sha256_hex
from manifests.record import Draft, facts

AT_ONCE = 200
BYTES_AT_ONCE = 4 * 1024 * 1024
"""More would hold up the event loop, on which SQLite is written."""

LOOKED_AT = 1000
UNKNOWN = "sender:unknown"
"""The subject of a delivery that names no sender."""

TenantOf = Callable[[int | None], str]
"""The tenant of an installation, or the system's name."""

_WAITING = text(
    "SELECT id, length(body) AS size FROM deliveries WHERE sealed_under = '' AND status <> 'new'"
    " ORDER BY id LIMIT :most"
)
_UNSEALED = text(
    "SELECT id, digest, body, installation_id FROM deliveries WHERE id IN :ids AND sealed_under = ''"
    " AND status <> 'new' ORDER BY id"
).bindparams(bindparam("ids", expanding=True))
_SEAL = text(
    "UPDATE deliveries SET body = :body, sealed_under = :key WHERE id = :id AND sealed_under = '' AND status <> 'new'"
)
_BY_DIGEST = text("SELECT body, sealed_under FROM deliveries WHERE digest = :digest LIMIT 1")
_TENANT = text("SELECT tenant FROM subject_keys WHERE id = :id")
_AFTER = text(
    "SELECT id, status, received_at, installation_id, sealed_under FROM deliveries WHERE id > :after"
    " ORDER BY id LIMIT :most"
)
_REMOVE = text("DELETE FROM deliveries WHERE id IN :ids AND status <> 'new'").bindparams(
    bindparam("ids", expanding=True)
)
_SUBJECT = text("SELECT person FROM subject_keys WHERE tenant = :tenant AND id = :id")


class _Sender(msgspec.Struct):
    id: int


class _Body(msgspec.Struct):
    sender: _Sender | None = None


_body = msgspec.json.Decoder(_Body)


class Deliveries:
    """The bodies of all tenants' deliveries."""

    def __init__(self, database: Database, sealer: Sealer, tenant_of: TenantOf, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._tenant_of = tenant_of
        self._clock = clock

    async def seal(self) -> int:
        """Seal whatever is worked on and not sealed; how many there were."""
        done = 0
        while sealed := await self._database.write(self._seal_some):
            done += sealed
        return done

    async def remove(self, days: Mapping[str, int]) -> int:
        """Remove what is done and older than its tenant's days; how many there were. What is held stays."""
        after, removed = 0, 0
        while True:
            after, gone, more = await self._database.write(lambda tx, after=after: self._remove_some(tx, after, days))  # type: ignore[misc]
            removed += gone
            if not more:
                return removed

    def body(self, tx: Tx, digest: str) -> bytes | None:
        """The body that was delivered; None when it is not here or its key is gone. Raises ManifestError."""
        row = tx.first(_BY_DIGEST, digest=digest)
        if row is None or not row.sealed_under:
            return None if row is None else bytes(row.body)
        # Not by its installation, which may belong to another tenant by now.
        whose = tx.first(_TENANT, id=row.sealed_under)
        key = None if whose is None else self._sealer.keys.by_id(tx, whose.tenant, row.sealed_under)
        if whose is None or key is None:
            return None
        opened = self._sealer.opened_body(key, whose.tenant, digest, bytes(row.body))
        return opened if sha256_hex(opened) == digest else None

    def _seal_some(self, tx: Tx) -> int:
        ids = _some(tx.all(_WAITING, most=AT_ONCE))
        rows = tx.all(_UNSEALED, ids=ids) if ids else []
        known: dict[tuple[str, str], DataKey] = {}
        done = []
        for row in rows:
            tenant, body = self._tenant_of(row.installation_id), bytes(row.body)
            account = sender(body)
            if (tenant, account) not in known:
                found = people.known(tx, tenant, [account]).get(account)
                known[tenant, account] = self._sealer.keys.current(tx, tenant, found.person if found else account)
            key = known[tenant, account]
            done.append({"id": row.id, "key": key.id, "body": self._sealer.body(key, tenant, row.digest, body)})
        with zeroing(tx):
            tx.run_many(_SEAL, done)
        return len(rows)

    def _remove_some(self, tx: Tx, after: int, days: Mapping[str, int]) -> tuple[int, int, bool]:
        """How far it came, how many were removed, and whether there may be more."""
        now = self._clock()
        rows = tx.all(_AFTER, after=after, most=LOOKED_AT)
        old = [row for row in rows if row.received_at < now - self._days(row, days) * DAY]
        held = {tenant: holds.held(tx, tenant) for tenant in {self._tenant_of(row.installation_id) for row in old}}
        gone = [row for row in old if row.status != "new" and not self._held(tx, row, held)]
        if gone:
            with zeroing(tx):
                tx.run(_REMOVE, ids=[row.id for row in gone])
            self._record(tx, gone, now)
        # Numbers grow with time: behind a stretch with nothing old there is nothing old.
        return rows[-1].id if rows else after, len(gone), bool(old) and len(rows) == LOOKED_AT

    def _days(self, row: Row[Any], days: Mapping[str, int]) -> int:
        return days.get(self._tenant_of(row.installation_id), max(days.values(), default=36_500))

    def _held(self, tx: Tx, row: Row[Any], held_in: Mapping[str, frozenset[str]]) -> bool:
        tenant = self._tenant_of(row.installation_id)
        held = held_in[tenant]
        if not held or EVERYTHING in held or not row.sealed_under:
            return bool(held)
        subject = tx.first(_SUBJECT, tenant=tenant, id=row.sealed_under)
        return subject is None or not held.isdisjoint(store.whole(tx, tenant, subject.person).names)

    def _record(self, tx: Tx, gone: Sequence[Row[Any]], now: int) -> None:
        counts: dict[str, int] = {}
        for row in gone:
            tenant = self._tenant_of(row.installation_id)
            counts[tenant] = counts.get(tenant, 0) + 1
        for tenant, count in sorted(counts.items()):
            tx.stage(
                tenant,
                Draft(
                    trace_id="retention", ts=now, stage="system", event="retention.applied", component="privacy",
                    action="applied", resource="retention", actor_ref="service:countersign", outcome="removed",
                    data=facts({"kind": "deliveries", "removed": count}),
                ),
            )  # fmt: skip


def _some(rows: Sequence[Row[Any]]) -> list[int]:
    """At least one, and not much more than fits."""
    found: list[int] = []
    size = 0
    for row in rows:
        if found and size + row.size > BYTES_AT_ONCE:
            break
        found.append(row.id)
        size += row.size
    return found


def sender(body: bytes) -> str:
    """The account that caused a delivery, ``github:<id>``."""
    try:
        found = _body.decode(body).sender
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return UNKNOWN
    return UNKNOWN if found is None else f"github:{found.id}"
