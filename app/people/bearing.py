"""Whether the log bears out a link between accounts. What it does not bear out links nothing."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.people.store import LinkEvent
from manifests import merkle, record
from manifests.errors import ManifestError

_RECORDS = text("SELECT leaf, body FROM records WHERE log = :log AND resource = :resource AND event = 'person.linked'")


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
    return any(
        _read(bytes(row.leaf), bytes(row.body)) == expected
        for row in tx.all(_RECORDS, log=log, resource=f"person/{event.person}")
    )


def _read(leaf: bytes, body: bytes) -> LinkData | None:
    if merkle.leaf_hash(body) != leaf:
        return None
    try:
        return msgspec.json.decode(record.parse(body).data, type=LinkData)
    except (ManifestError, msgspec.MsgspecError):
        return None
