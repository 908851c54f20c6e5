"""What a training cluster or pipeline may add to its tenant's log, and what it is answered."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

MAX_RECORDS = 256

Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._:/@+-]*\Z", max_length=200)]
"""No blanks, no quotation marks, nothing that a terminal or a spreadsheet would act on."""


class Reported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happened outside. ``trace`` joins what belongs together, such as a training run; ``resource`` is
    what it is about, the trace itself unless said otherwise. ``occurred_at`` is an instant (RFC 3339) by the sender's
    clock, ``request_id`` the sender's own number for it. ``data`` is an object without fractions."""

    trace: Name
    action: Name
    resource: Name | None = None
    outcome: Name | None = None
    data: dict[str, Any] = {}
    request_id: Name | None = None
    occurred_at: str | None = None


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    records: Annotated[tuple[Reported, ...], msgspec.Meta(min_length=1, max_length=MAX_RECORDS)]


class Recorded(msgspec.Struct, frozen=True):
    """The records are in the log, on disk, next to each other: numbers from ``first_seq`` on, and the leaf hash of each
    (64 hexadecimal digits), which a proof of inclusion is about."""

    log: str
    first_seq: int
    leaves: tuple[str, ...]
