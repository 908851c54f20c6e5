"""Time zones of the tzdata package, never the machine's, so that all machines agree what a wall time means."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", re.ASCII)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name such as ``Europe/Zurich``; None where tzdata has none of this name."""
    if not _NAME.fullmatch(name):
        return None
    place = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        with place.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError):
        return None


def instant(wall: datetime, where: tzinfo) -> int:
    """Microseconds since 1970 UTC of a local time. One that the clocks skip is read with the offset before the change,
    so it shifts forward; of one that they show twice the first is meant."""
    return (wall.replace(tzinfo=where, fold=0).astimezone(UTC) - _EPOCH) // _MICROSECOND


def wall(at: int, where: ZoneInfo) -> datetime:
    """The local time, without a zone, at an instant in microseconds since 1970 UTC."""
    return (_EPOCH + at * _MICROSECOND).astimezone(where).replace(tzinfo=None, fold=0)
