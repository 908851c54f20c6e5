"""WORM storage as a sink: segments and checkpoints as objects that nobody can change."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

from app.clock import SECOND, Clock
from app.sinks.model import Anchor, Limits, Receipt, Segment, Sink, Stored, sha256
from integrations.errors import NotFoundError
from integrations.objectlock.keeping import keep
from integrations.objectlock.port import Held, WormStore

DIGITS = 16
"""As many as the greatest number of a record has, so that names are in the order of numbers."""

MOST_ANCHORS = 256
"""How many checkpoints are read for one comparison: evenly spread, always the newest."""

AHEAD = 4
"""A put waits mostly for the server; more at once only share its disks."""

BLOBS = "*"
"""No log has this name. Packs hold the blobs of all tenants."""

DAY_US = 86_400 * SECOND
_NAME = re.compile(r"/segment/(\d{16})-(\d{16})\.([0-9a-f]{64})\Z")


def sink(
    name: str, store: WormStore, days: int, clock: Clock, limits: Limits | None = None,
    kept: Mapping[str, int] | None = None,
) -> Sink:  # fmt: skip
    """``days``: how long everything is kept from the moment it is stored; ``kept`` by log where that differs, for
    blobs under ``BLOBS``."""
    both = WormSink(store, days, clock, limits or Limits(ahead=AHEAD), kept or {})
    return Sink(name, both.problems, store.close, both, both, both)


class WormSink:
    """See SegmentSink, AnchorSink and BlobSink. Objects are ``<log>/segment/<first>-<last>.<SHA-256>`` and
    ``<log>/checkpoint/<size>``, numbers in 16 digits."""

    recorded = True

    def __init__(
        self, store: WormStore, days: int, clock: Clock, limits: Limits, kept: Mapping[str, int] | None = None
    ) -> None:
        self.limits = limits
        self.interval_us = limits.wait_us
        self._store = store
        self._days = days
        self._kept = dict(kept or {})
        self._clock = clock

    async def deliver(self, segment: Segment, *, look: bool) -> Receipt | None:
        data = segment.data()
        key = _segment_key(segment.log, segment.first, segment.end - 1, sha256(data))
        kept = await keep(self._store, key, data, self._until(segment.log), look=look)
        return Receipt(len(data), kept.key, kept.sha256, kept.until, kept.version_id)

    async def stored(self, log: str, first: int) -> Sequence[Stored]:
        keys = await self._store.keys(f"{log}/segment/", after=_before(f"{log}/segment/", first))
        named = (_NAME.search(key) for key in keys)
        return [Stored(int(name[1]), int(name[2]) + 1, name[3]) for name in named if name]

    async def segment(self, log: str, stored: Stored) -> bytes:
        """The bytes that the name promises, of whichever version has them. Raises NeighbourError."""
        key = _segment_key(log, stored.first, stored.end - 1, stored.sha256)
        for version in await self._store.versions(key):
            data = (await self._store.read(key, version.version_id)).data
            if sha256(data) == stored.sha256:
                return data
        raise NotFoundError(f"{key}: expected a version with the SHA-256 of its name, found none.")

    async def anchor(self, log: str, size: int, note: bytes) -> str:
        await keep(self._store, f"{log}/checkpoint/{size:0{DIGITS}d}", note, self._until(log), look=True)
        return str(size)

    async def contradicts(self, log: str) -> str:
        return ""

    async def newest(self, log: str, since: str) -> Sequence[Anchor]:
        """As AnchorSink: all versions, for what was put on top may not be what we put."""
        prefix = f"{log}/checkpoint/"
        keys = await self.names(prefix, _before(prefix, int(since)) if since else "")
        step = -(-len(keys) // MOST_ANCHORS) or 1
        found = []
        for key in keys[::-1][::step]:
            for version in await self._store.versions(key):
                held = await self._store.read(key, version.version_id)
                found.append(Anchor(log, held.data, f"{key}, version {version.version_id}"))
        return found

    async def keep(self, name: str, data: bytes) -> Receipt:
        """As BlobSink."""
        kept = await keep(self._store, name, data, self._until(BLOBS), look=True)
        return Receipt(len(data), kept.key, kept.sha256, kept.until, kept.version_id)

    async def fetch(self, key: str, version: str) -> bytes:
        return (await self._store.read(key, version)).data

    async def names(self, prefix: str, after: str = "") -> list[str]:
        """The names of all objects that begin with ``prefix`` and come after ``after``, in order."""
        found: list[str] = []
        while page := await self._store.keys(prefix, after=found[-1] if found else after):
            found += page
        return found

    async def held(self, key: str) -> AsyncIterator[tuple[str, Held]]:
        """Every version of an object, by its id."""
        for version in await self._store.versions(key):
            yield version.version_id, await self._store.read(key, version.version_id)

    async def problems(self) -> Sequence[str]:
        try:
            return await self._store.problems(self._days)
        except NotFoundError as error:
            return [str(error)]

    def _until(self, log: str) -> int:
        return self._clock() + self._kept.get(log, self._days) * DAY_US


def _segment_key(log: str, first: int, last: int, digest: str) -> str:
    return f"{log}/segment/{first:0{DIGITS}d}-{last:0{DIGITS}d}.{digest}"


def _before(prefix: str, number: int) -> str:
    """A name before that of ``number`` and after all before it."""
    return f"{prefix}{number - 1:0{DIGITS}d}~" if number else ""
