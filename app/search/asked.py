"""A question as people and tools write it."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from app.clock import SECOND
from app.search.errors import QueryError
from app.search.model import WILD, Query
from manifests.vocabulary import EVENTS

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Text = Annotated[str, msgspec.Meta(max_length=512)]


class Asked(msgspec.Struct, frozen=True):
    """What the API, the console and the command line take. ``since`` and ``until`` are instants as `instant` reads
    them, empty for none; the others are those of a Query."""

    since: Text = ""
    until: Text = ""
    actor: Text = ""
    action: Text = ""
    event: Text = ""
    outcome: Text = ""
    resource: Text = ""
    trace: Text = ""

    def query(self, now: int) -> Query:
        """Raises QueryError that names what cannot be asked like this."""
        # PostgreSQL takes none.
        if any("\0" in getattr(self, name) for name in Asked.__struct_fields__):
            raise QueryError("expected text without NUL, found one")
        if self.event and self.event not in EVENTS:
            like = difflib.get_close_matches(self.event[:80], EVENTS, n=3) or EVENTS[:3]
            raise QueryError(f"expected an event such as {', '.join(like)}, found {self.event[:80]!r}")
        if "*" in self.resource.removesuffix(WILD):
            raise QueryError(f"expected a whole resource or x/*, found {self.resource[:80]!r}")
        return Query(
            instant(self.since, now) if self.since else None, instant(self.until, now) if self.until else None,
            self.actor, self.action, self.event, self.outcome, self.resource, self.trace,
        )  # fmt: skip


def instant(text: str, now: int) -> int:
    """Microseconds since 1970 UTC of an RFC 3339 instant, a date (its midnight), a date and time in UTC, or how long
    ago: ``90m``, ``24h``, ``7d``. Raises QueryError."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return max(0, now - int(ago[1]) * _SECONDS[ago[2]] * SECOND)
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise QueryError(
            f"expected an instant such as 2026-11-20T10:00:00Z, a date, or how long ago as 24h, found {text[:40]!r}"
        ) from error
    try:
        return max(0, ((read if read.tzinfo else read.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1))
    except OverflowError as error:
        raise QueryError(f"expected an instant after 1970, found {text[:40]!r}") from error
