"""Keeps the server's keys: replaces, ends and revokes them, and goes on with what a crash left undone.

A rotation: make the next key; tell every log of it (from there on both sign); put it in the old one's place; when the
overlap is over tell every log that the old one ended; destroy its private part. Where things stand is read from the
files and the log each time, so each step may be the last of a process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
import structlog

from app.audit import store as audit
from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.keys import steps, store
from app.keys.errors import ServerKeyError
from app.keys.model import KINDS, SYSTEM, KeyUse
from app.keys.records import SERVER, Withdrawal
from app.keys.ring import KeyRing
from app.settings.model import KeySettings
from app.sweeps.schedule import Job
from manifests.canonical import MAX_INTEGER
from manifests.keys import PublicKey

DAY: Final = 86_400 * SECOND
GATE_OVERLAP: Final = 900 * SECOND
"""As long as an answer of the gate can be valid, and longer than other replicas take to notice."""
LOOK_S: Final = 60

_log = structlog.get_logger()


class Change(msgspec.Struct, frozen=True):
    """A change of keys, done or only looked at. ``new`` is empty for a key that is yet to be made; ``until`` is when
    the old one stops signing beside it (microseconds since 1970 UTC, None: at once). ``sizes``: by log, the greatest
    size whose signatures still count."""

    use: KeyUse
    old: str
    new: str
    logs: tuple[str, ...]
    until: int | None = None
    sizes: dict[str, int] = {}
    done: bool = True


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which key to revoke, and from where on: sizes by log, or an instant (microseconds since 1970 UTC)."""

    fingerprint: str
    reason: str
    sizes: dict[str, int] = {}
    since: Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)] | None = None


class Keeper:
    def __init__(self, database: Database, ring: KeyRing, settings: KeySettings, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """At start: refuse keys that cannot write the logs, record first keys, go on with what is under way."""
        ring = self._ring
        await self._database.read(lambda tx: steps.expect_signers(tx, ring.of("log")))
        current = {use: ring.of(use).current.public for use in KINDS}
        await self._database.write(lambda tx: steps.record_first(tx, current, self._clock()))
        await self.advance()

    def start(self) -> None:
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    def jobs(self) -> Mapping[str, tuple[str, Job]]:
        """What the scheduler drives: by name a cron line and what to do."""
        return {"keys": ("41 * * * *", self.due)}

    async def advance(self) -> None:
        """Do what is to be done now, if anything. Raises ServerKeyError, DatabaseUnavailableError."""
        async with self._lock:
            for use in KINDS:
                await self._advance(use, SERVER)

    async def due(self) -> None:
        """The scheduler's: replace the log's key when it is old enough and kept in a file."""
        days = self._settings.rotate_days
        if not days or "log" in self._ring.given:
            return
        born = await self._database.read(lambda tx: self._born(tx, "log"))
        if born is not None and self._clock() - born >= days * DAY and self._ring.of("log").previous is None:
            await self.rotate("log", SERVER)

    async def rotate(self, use: KeyUse, by: str, *, preview: bool = False) -> Change:
        """Replace a key that is kept in a file. Raises ServerKeyError when it is not, or is being replaced already."""
        async with self._lock:
            logs = tuple(await self._database.read(lambda tx: steps.open_keys(tx, use)))
            # Nothing is waited for between this look at the files and the new one: another replica may be at it too.
            self._ring.reload()
            keys = self._ring.of(use)
            self._expect_in_file(use)
            if keys.previous is not None and keys.next is None:
                raise ServerKeyError(
                    f"expected no rotation of the {use} key to be under way, found {keys.previous.public.fingerprint} "
                    "still signing beside its successor; wait for the end of the overlap"
                )
            until = self._clock() + self._overlap(use)
            old = keys.current.public.fingerprint
            if preview:
                return Change(use, old, "", logs, until, done=False)
            new = keys.next or self._ring.directory.make(use, "next")
            await self._advance(use, by)
            return Change(use, old, new.public.fingerprint, logs, until)

    async def revoke(self, wanted: Revocation, by: str, *, preview: bool = False) -> Change:
        """Take back what a key signed, from a size or instant on. One that still signs is replaced first and its
        private part destroyed at once. Raises ServerKeyError."""
        reason = steps.expect_reason(wanted.reason)
        async with self._lock:
            self._ring.reload()
            use, key = await self._database.read(lambda tx: self._find(tx, wanted.fingerprint))
            why = await self._database.read(lambda tx: self._withdrawals(tx, use, key, wanted, reason))
            sizes = {log: one.size for log, one in why.items() if one.size is not None}
            if preview:
                return Change(use, key.fingerprint, "", tuple(why), sizes=sizes, done=False)
            new = self._successor(use, key)
            at = self._clock()
            await self._database.write(lambda tx: steps.revoke(tx, use, key, new, why, at, by))
            await self._advance(use, by)
            return Change(use, key.fingerprint, new.fingerprint, tuple(why), sizes=sizes)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.advance()
            except Exception as error:
                _log.exception("keys.stuck", error=str(error))

    async def _advance(self, use: KeyUse, by: str) -> None:
        """Ends with the ring as it is to be."""
        ring, directory = self._ring, self._ring.directory
        ring.reload()
        keys = ring.of(use)
        for key in keys.all():
            if use not in ring.given:
                directory.archive(use, key.public)
        await self._database.write(lambda tx: steps.introduce(tx, use, keys, self._clock(), by))
        if keys.next is not None and use not in ring.given:
            directory.promote(use)
            ring.reload()
        await self._end(use)

    async def _end(self, use: KeyUse) -> None:
        ring, now = self._ring, self._clock()
        keys = ring.of(use)
        born = await self._database.read(lambda tx: self._born(tx, use))
        over = born is not None and now - born >= self._overlap(use)
        await self._database.write(lambda tx: steps.retire(tx, use, keys, over, now))
        opened = await self._database.read(lambda tx: steps.open_keys(tx, use))
        previous = keys.previous
        if previous is None or previous.public == keys.current.public:
            return
        name = previous.public.fingerprint
        if not any(one.fingerprint == name for keys_there in opened.values() for one in keys_there):
            ring.directory.archive(use, previous.public)
            ring.directory.destroy(use, "previous")
            ring.reload()

    def _born(self, tx: Tx, use: KeyUse) -> int | None:
        """When the system log first named the current key."""
        found = store.find(tx, SYSTEM, use, self._ring.of(use).current.public.fingerprint)
        return found.at if found is not None else None

    def _overlap(self, use: KeyUse) -> int:
        return self._settings.overlap_days * DAY if use == "log" else GATE_OVERLAP

    def _expect_in_file(self, use: KeyUse) -> None:
        if use in self._ring.given:
            where = " and ".join(self._settings.places(use))
            how = (
                f"give the new key beside it as {where}_next and start the service, later the new one alone"
                if use == "log"
                else "give the new one in its place and start the service"
            )
            raise ServerKeyError(f"expected the {use} key in a file, found it given by {where}; to replace it {how}")

    def _find(self, tx: Tx, fingerprint: str) -> tuple[KeyUse, PublicKey]:
        for use in KINDS:
            held = self._ring.of(use).find(fingerprint)
            if held is not None:
                return use, held.public
            told = [one for known in store.of_use(tx, use).values() for one in known if one.fingerprint == fingerprint]
            if told:
                return use, told[0].public
        raise ServerKeyError(
            f"expected the fingerprint of a key of this server, found {fingerprint}; see `countersign keys list`"
        )

    def _withdrawals(
        self, tx: Tx, use: KeyUse, key: PublicKey, wanted: Revocation, reason: str
    ) -> Mapping[str, Withdrawal]:
        """What the key loses in every log that it ever signed."""
        logs = steps.concerned(tx, use, key)
        if use == "gate":
            if wanted.since is None:
                raise ServerKeyError(
                    "expected an instant for a key of the gate, whose answers have no size; see --since"
                )
            return {log: Withdrawal(reason, since=wanted.since) for log in logs}
        unnamed = [log for log in logs if log not in wanted.sizes]
        strange = sorted(set(wanted.sizes) - set(logs))
        if strange or (unnamed and wanted.since is None):
            heads = ", ".join(f"{log}={audit.head(tx, log).size}" for log in logs)
            raise ServerKeyError(
                f"expected a size for every log that the key signed, or an instant; found "
                f"{'none for ' + ', '.join(unnamed) if unnamed else 'one for ' + ', '.join(strange)}. "
                f"The logs end at {heads}"
            )
        count = steps.size_since(wanted.since or 0)
        found = {}
        for log in logs:
            size = wanted.sizes[log] if log in wanted.sizes else count(tx, log)
            if not 0 <= size <= audit.head(tx, log).size:
                raise ServerKeyError(f"expected a size of log {log} up to {audit.head(tx, log).size}, found {size}")
            found[log] = Withdrawal(reason, size=size)
        return found

    def _successor(self, use: KeyUse, key: PublicKey) -> PublicKey:
        """The key that signs after this one is revoked; made now if there is none."""
        keys, ring = self._ring.of(use), self._ring
        if keys.current.public != key:
            return keys.current.public
        if keys.next is not None and keys.next.public != key:
            return keys.next.public
        if use in ring.given:
            where = " and ".join(self._settings.places(use))
            how = f"as {where}_next" if use == "log" else "in its place"
            raise ServerKeyError(
                f"expected a key to follow {key.fingerprint}, found none beside {where}; give the new one {how}, "
                "start the service, and revoke again"
            )
        made = ring.directory.make(use, "next")
        ring.reload()
        return made.public
