"""Records that tell rows, staged in the transaction that writes the rows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.db.tx import Tx
from app.rebuild.model import Rows
from manifests.record import Draft, facts
from manifests.vocabulary import Event, Stage

ROWS_PER_RECORD = 80
"""Of at most 700 bytes each, so that a record stays below its 65,535."""

SERVICE = "service:countersign"


def say(
    tx: Tx, log: str, event: Event, resource: str, rows: Sequence[msgspec.Struct], *, trace_id: str, ts: int,
    component: str, stage: Stage = "system", actor_ref: str = SERVICE, outcome: str = "ok",
    tags: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """As many records as it takes; none without rows. ``ts`` in microseconds since 1970 UTC."""
    for start in range(0, len(rows), ROWS_PER_RECORD):
        data = Rows(tuple(rows[start : start + ROWS_PER_RECORD]))
        tx.stage(
            log,
            Draft(
                trace_id=trace_id, ts=ts, stage=stage, event=event, component=component,
                action=event.partition(".")[2], resource=resource, actor_ref=actor_ref, outcome=outcome,
                data=facts(data), tags=tags,
            ),
        )  # fmt: skip
