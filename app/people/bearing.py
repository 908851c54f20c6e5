"""Whether the log bears out a link between accounts. What it does not bear out links nothing."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.people.store import LinkEvent
from manifests.record import Record


class LinkData(msgspec.Struct, frozen=True):
    """The data of a ``person.linked`` record."""

    account: str
    by: str
    link: str
    person: str


def borne_out(tx: Tx, log: str, events: Iterable[LinkEvent]) -> tuple[LinkEvent, ...]:
    """The events without those links that no unaltered record confirms."""
    return tuple(event for event in events if event.state != "linked" or _confirmed(tx, log, event))


def _confirmed(tx: Tx, log: str, event: LinkEvent) -> bool:
    expected = LinkData(event.account, event.by, event.id, event.person)
    try:
        records = audit.records_of(tx, log, f"person/{event.person}")
    except RecordAlteredError:
        return False
    return any(read.event == "person.linked" and _data(read) == expected for read in records)


def _data(read: Record) -> LinkData | None:
    try:
        return msgspec.json.decode(read.data, type=LinkData)
    except msgspec.MsgspecError:
        return None
