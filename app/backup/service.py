"""The daily backup of a running service, and the records of those that the command line made."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from app.backup import notices, outside
from app.backup.child import Child
from app.backup.errors import BackupError
from app.backup.make import DAY_US, Keep, make, newest_at
from app.backup.records import described, made
from app.backup.seal import Sign
from app.clock import SECOND, Clock
from app.db.database import Database
from app.metrics import Metrics
from app.settings.model import BackupSettings, WormSettings
from app.sinks.open import bucket
from app.sweeps.schedule import Job
from app.tenants.model import SYSTEM
from integrations.objectlock.port import WormStore
from manifests.keys import PublicKey

HOUR_US = 3600 * SECOND
OVERDUE_US = 26 * HOUR_US
"""A day, and time enough for the copy itself."""

REMEDY = "Run `countersign backup`, and look in the service's log why the daily one was not made."

_log = structlog.get_logger()


class Backups:
    """``keys`` answers the public keys that may have signed checkpoints."""

    def __init__(
        self, settings: BackupSettings, url: str, database: Database, keys: Callable[[], Sequence[PublicKey]],
        sign: Sign, clock: Clock, metrics: Metrics, open_bucket: Callable[[WormSettings], WormStore] = bucket,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._url = url
        self._database = database
        self._keys = keys
        self._sign = sign
        self._clock = clock
        self._metrics = metrics
        self._open = open_bucket
        self._child: Child | None = None
        self._told_at: int | None = None

    def jobs(self) -> Mapping[str, tuple[str, Job]]:
        """What the scheduler drives: by name a cron line and what to do."""
        jobs: dict[str, tuple[str, Job]] = {"backup-notices": ("*/5 * * * *", self.record)}
        if self._settings.directory is not None:
            jobs["backup"] = (f"23 {self._settings.hour} * * *", self.daily)
            jobs["backup-age"] = ("*/10 * * * *", self.watch)
        return jobs

    async def watch(self) -> None:
        """How old the newest backup is, as the folder says: what this process remembers may be another's work. Too old
        is an alarm, once a day."""
        directory = self._settings.directory
        if directory is None:
            self._metrics.backup_age_seconds.set(math.nan)
            return
        made_at = await asyncio.to_thread(newest_at, directory)
        now = self._clock()
        age = now - made_at if made_at is not None else math.inf
        self._metrics.backup_age_seconds.set(max(age, 0) / SECOND)
        if age <= OVERDUE_US:
            self._told_at = None
        elif self._told_at is None or now - self._told_at >= DAY_US:
            self._told_at = now
            found = "none" if made_at is None else f"the newest {age / HOUR_US:.0f} hours old"
            self._metrics.alarm(
                "backup", f"Expected a backup of the last {OVERDUE_US // HOUR_US} hours, found {found}."
            )
            _log.error("backup.overdue", directory=str(directory), found=found, remedy=REMEDY)

    async def daily(self) -> None:
        """A backup that fails is an alarm, and takes no older one away."""
        assert self._settings.directory is not None
        try:
            await self.make(self._settings.directory)
        except BackupError as error:
            self._metrics.alarm("backup", "The daily backup failed; the service's log says why.")
            _log.error("backup.failed", error=str(error))

    async def make(self, directory: Path) -> None:
        """Make, verify and record one. Raises BackupError, DatabaseUnavailableError."""
        child = self._child = Child(self._url, self._keys())
        keep = Keep(self._settings.keep, self._settings.keep_days)
        try:
            found = await asyncio.to_thread(make, directory, self._clock(), child, self._sign, keep)
        finally:
            self._child = None
        what = described(found, await self._outside(directory, found.folder.name))
        await self._database.write(lambda tx: tx.stage(SYSTEM, made(what, self._clock())))
        await self.watch()
        _log.info("backup.made", folder=str(found.folder), bytes=found.manifest.size, pruned=len(found.pruned))

    async def _outside(self, directory: Path, name: str) -> str:
        """The bucket, if this backup is there now. One that cannot be brought there today is taken along tomorrow."""
        if self._settings.bucket is None:
            return ""
        worm = self._open(self._settings.bucket)
        try:
            await outside.store_all(worm, directory, self._settings.keep_days, self._clock())
        except BackupError as error:
            self._metrics.alarm("backup", "The daily backup is not in its bucket; the service's log says why.")
            _log.error("backup.not_outside", name=name, error=str(error))
            return ""
        finally:
            await worm.close()
        return self._settings.bucket.bucket

    async def record(self) -> None:
        """Those that the command line made while this service held the database."""
        await notices.record_all(self._database, self._url, self._clock)

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
