"""What the log says about its own sinks."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.sinks.model import Receipt, Segment
from manifests import record
from manifests.record import Draft, facts
from manifests.vocabulary import Event

SYSTEM = "system"

_ABOUT: dict[Event, str] = {"sink.delivered": "", "blob.stored": "/blobs"}

_STAGED = text("SELECT 1 FROM staged_records WHERE log = :log LIMIT 1")
_LAST = text("SELECT body FROM records WHERE log = :log AND resource = :resource ORDER BY seq DESC LIMIT 1")


class Delivered(msgspec.Struct, frozen=True):
    """The data of a ``sink.delivered`` record: which records lie where."""

    bytes: int
    end: int
    first: int
    key: str
    sha256: str
    until: int
    version: str


def resource(sink: str) -> str:
    return f"sink/{sink}"


def delivered(sink: str, segment: Segment, receipt: Receipt, at: int) -> Draft:
    data = Delivered(
        receipt.bytes, segment.end, segment.first, receipt.key, receipt.sha256, receipt.until, receipt.version
    )
    return _draft(sink, "sink.delivered", at, data, "ok")


def blobs_stored(sink: str, number: int, receipt: Receipt, at: int) -> Draft:
    """That a pack of so many blobs lies outside; for the system log."""
    data = {
        "blobs": number, "bytes": receipt.bytes, "key": receipt.key, "sha256": receipt.sha256, "until": receipt.until,
        "version": receipt.version,
    }  # fmt: skip
    return _draft(sink, "blob.stored", at, data, "ok")


def told(sink: str, problem: str, log: str, at: int) -> Draft:
    """An alarm about a sink (and a log, if it is about one), without a ``problem`` its end; for the system log."""
    event: Event = "sink.alarmed" if problem else "sink.recovered"
    return _draft(sink, event, at, {"log": log, "problem": problem}, "alarm" if problem else "ok")


def last_delivered(tx: Tx, log: str, sink: str) -> int | None:
    """How many records the log itself says were delivered; None while what would say it may not be numbered yet.

    Raises ManifestError for an altered record.
    """
    if tx.first(_STAGED, log=log) is not None:
        return None
    row = tx.first(_LAST, log=log, resource=resource(sink))
    if row is None:
        return 0
    return msgspec.json.decode(record.parse(bytes(row.body)).data, type=Delivered).end


def _draft(sink: str, event: Event, at: int, data: object, outcome: str) -> Draft:
    return Draft(
        trace_id=f"sink-{sink}",
        ts=at,
        stage="system",
        event=event,
        component="sinks",
        action=event.partition(".")[2],
        resource=f"{resource(sink)}{_ABOUT.get(event, '/alarm')}",
        actor_ref="service:countersign",
        outcome=outcome,
        data=facts(data),
    )
