"""heads: the commits that each pull request had as its head, and the releases that were found in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Derived, Key, Projection, Rows, adopted, decoded, told
from app.rebuild.saying import SERVICE
from manifests.record import Draft, Record, facts


class HeadRow(msgspec.Struct, frozen=True):
    repository_id: int
    number: int
    sha: str
    event: str
    actor: str
    received_at: int
    delivery: str


class ReleaseName(msgspec.Struct, frozen=True):
    """A release that was found in the pull request."""

    release_id: str
    path: str


class HeadData(msgspec.Struct, frozen=True):
    """The data of a ``head.seen`` record."""

    releases: tuple[ReleaseName, ...] = ()
    rows: tuple[HeadRow, ...] = ()


NAMES = "head.releases"
"""What the releases of pull requests are called, for they are no table."""

_KEY = ("repository_id", "number", "sha", "event")
_COLUMNS = "repository_id, number, sha, event, actor, received_at, delivery"
PROJECTION = Projection(
    table="heads", row=HeadRow, key=_KEY, prefixes=("head",), derive=told("heads", HeadRow, _KEY, "head.seen"),
    adopt=lambda row: resource(row.repository_id, row.number),
    select=text(
        "SELECT h.repository_id, h.number, h.sha, h.event, h.actor, h.received_at, h.delivery FROM heads h"
        " LEFT JOIN repositories r ON r.id = h.repository_id WHERE coalesce(r.tenant, :log) = :log"
    ),
    add=text(
        f"INSERT INTO heads ({_COLUMNS}) VALUES (:repository_id, :number, :sha, :event, :actor, :received_at,"
        " :delivery)"
    ),
)  # fmt: skip
_OF_PULL = text(f"SELECT {_COLUMNS} FROM heads WHERE repository_id = :repository_id AND number = :number")


def resource(repository_id: int, number: int) -> str:
    return f"head/{repository_id}/{number}"


def releases_of(records: Iterable[Record]) -> dict[Key, Derived[ReleaseName]]:
    """Every release that was ever found in a pull request, by its id."""
    return {
        (name.release_id,): Derived(name, record.seq)
        for record in records
        if record.event == "head.seen" or adopted(record, NAMES)
        for name in _names(record)
    }


def _names(record: Record) -> tuple[ReleaseName, ...]:
    if record.event == "head.seen":
        return decoded(HeadData, record).releases
    return decoded(Rows[ReleaseName], record).rows


def rows(tx: Tx, repository_id: int, number: int) -> tuple[HeadRow, ...]:
    return tuple(HeadRow(*tuple(row)) for row in tx.all(_OF_PULL, repository_id=repository_id, number=number))


def say(tx: Tx, log: str, rows: Sequence[HeadRow], releases: Sequence[ReleaseName], resource: str, ts: int) -> None:
    """What was seen of a pull request for the first time, if anything; its record has the trace ``pull/…``."""
    if not rows and not releases:
        return
    tx.stage(
        log,
        Draft(
            trace_id=resource.replace("head/", "pull/", 1), ts=ts, stage="propose", event="head.seen",
            component="pulls", action="seen", resource=resource, actor_ref=SERVICE, outcome="ok",
            data=facts(HeadData(tuple(releases), tuple(rows))),
        ),
    )  # fmt: skip
