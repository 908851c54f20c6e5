"""What is asked of a log, and a page of what is found."""

from __future__ import annotations

import msgspec

from manifests.record import Record

WILD = "/*"


class Query(msgspec.Struct, frozen=True):
    """All that is given must hold. ``since`` (included) and ``until`` (not included) are microseconds since 1970 UTC.

    ``resource`` is a record's exact resource, or ``x/*`` for everything under ``x/``; the others are exact.
    """

    since: int | None = None
    until: int | None = None
    actor: str = ""
    action: str = ""
    event: str = ""
    outcome: str = ""
    resource: str = ""
    trace: str = ""

    @property
    def prefix(self) -> str:
        """What the resource begins with, slash included; empty unless it is ``x/*``."""
        return self.resource[:-1] if self.resource.endswith(WILD) else ""


class Page(msgspec.Struct, frozen=True):
    """Verified records in the order that was asked for.

    ``following`` is where to go on (``before`` or ``after`` of the next page); None: there is nothing more.
    ``cut_short`` tells that the page is not full because enough was looked at for one question, not because
    nothing more fits. The log had ``size`` records, ``indexed`` of them in the index; the answer counts all.
    """

    records: tuple[Record, ...]
    following: int | None
    cut_short: bool
    size: int
    indexed: int


class Fields(msgspec.Struct, frozen=True):
    """The parts of a record's body that can be asked for, read without looking at the others."""

    event: str
    ts: int
    trace_id: str
    action: str = ""
    actor_ref: str = ""
    outcome: str = ""
    resource: str = ""


def fits(of: Fields | Record, query: Query) -> bool:
    """Whether a record is one of those asked for: what every index must agree with."""
    return (
        (query.since is None or of.ts >= query.since)
        and (query.until is None or of.ts < query.until)
        and query.actor in ("", of.actor_ref)
        and query.action in ("", of.action)
        and query.event in ("", of.event)
        and query.outcome in ("", of.outcome)
        and query.trace in ("", of.trace_id)
        and (of.resource.startswith(query.prefix) if query.prefix else query.resource in ("", of.resource))
    )


fields = msgspec.json.Decoder(Fields).decode
"""Fields of a body. Raises msgspec.MsgspecError, UnicodeError for what is no record."""
