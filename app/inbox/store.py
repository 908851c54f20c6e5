"""The inbox table: deliveries exactly as they arrived."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.tenants.model import SYSTEM
from manifests.record import Draft, facts

MOST = 500
"""How many deliveries of one key are read at once."""

_INSERT = text(
    "INSERT INTO deliveries (guid, event, digest, body, received_at, installation_id, repository_id, work_key,"
    " status, note) VALUES (:guid, :event, :digest, :body, :received_at, :installation_id, :repository_id,"
    " :work_key, :status, :note) ON CONFLICT (event, digest) DO UPDATE SET status = excluded.status,"
    " note = excluded.note, work_key = excluded.work_key, guid = excluded.guid, received_at = excluded.received_at,"
    # It may have been sealed since.
    " body = excluded.body, sealed_under = ''"
    " WHERE (deliveries.guid <> excluded.guid AND deliveries.status = 'done'"
    " AND deliveries.work_key NOT LIKE 'pull/%') OR (deliveries.status = 'ignored' AND excluded.status = 'new')"
)
_NEW = text(
    "SELECT id, guid, event, digest, body, received_at, installation_id FROM deliveries"
    " WHERE work_key = :key AND status = 'new' ORDER BY id LIMIT :most"
)
_OLDEST = text("SELECT MIN(received_at) AS at FROM deliveries WHERE work_key = :key AND status = 'new'")
_SETTLE = text("UPDATE deliveries SET status = :status, note = :note WHERE id = :id")


class StoredDelivery(msgspec.Struct, frozen=True):
    """``received_at`` in microseconds since 1970 UTC; ``status`` is new, done or ignored."""

    guid: str
    event: str
    digest: str
    body: bytes
    received_at: int
    installation_id: int | None
    repository_id: int | None
    work_key: str
    status: str = "new"
    note: str = ""
    id: int = 0


def insert(tx: Tx, deliveries: Sequence[StoredDelivery]) -> None:
    """Store what is not stored yet; the same body of the same event is one delivery.

    Of what happens to a repository or a team, GitHub tells the second time in the very same bytes (somebody is
    removed, added and removed again): a new delivery of these is worked on anew. Work on a pull request re-reads
    everything by itself. One that was ignored was never heard, and is when somebody sends it again: the tenant may
    have listed its installation since.
    """
    tx.run_many(_INSERT, [msgspec.structs.asdict(delivery) for delivery in deliveries])


def unsettled(tx: Tx, work_key: str, most: int = MOST) -> tuple[StoredDelivery, ...]:
    return tuple(
        StoredDelivery(
            guid=row.guid,
            event=row.event,
            digest=row.digest,
            body=row.body,
            received_at=row.received_at,
            installation_id=row.installation_id,
            repository_id=None,
            work_key=work_key,
            id=row.id,
        )
        for row in tx.all(_NEW, key=work_key, most=most)
    )


def unheard_since(tx: Tx, work_key: str) -> int | None:
    """When the oldest delivery arrived that nothing has been made of yet."""
    row = tx.first(_OLDEST, key=work_key)
    return None if row is None else row.at


def settle(tx: Tx, ids: Sequence[int], status: str = "done", note: str = "") -> None:
    tx.run_many(_SETTLE, [{"id": number, "status": status, "note": note} for number in ids])


def ignore(tx: Tx, deliveries: Sequence[StoredDelivery], why: str, at: int) -> None:
    """Settle deliveries that belong to no tenant or cannot be read, on record in the system's log."""
    settle(tx, [delivery.id for delivery in deliveries], "ignored", why)
    for delivery in deliveries:
        tx.stage(
            SYSTEM,
            Draft(
                trace_id=f"installation-{delivery.installation_id}", ts=at, stage="system", event="delivery.refused",
                component="inbox", action="refused", resource=f"delivery/{delivery.digest}",
                actor_ref="service:countersign", outcome="ignored", data=facts({"event": delivery.event, "why": why}),
            ),
        )  # fmt: skip
