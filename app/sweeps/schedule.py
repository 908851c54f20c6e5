"""The scheduler is a clock only: every replica's ticks, and the database decides whose tick counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import text

from app.db.database import Database
from app.db.tx import Tx

_CLAIM = text("INSERT INTO schedule_slots (job, slot, owner) VALUES (:job, :slot, :owner) ON CONFLICT DO NOTHING")
_OLD = text("DELETE FROM schedule_slots WHERE slot < :slot")
KEPT_S = 7 * 86_400

Job = Callable[[], Awaitable[None]]
_log = structlog.get_logger()


class Schedule:
    """``jobs`` maps names to a cron line (UTC) and what to do; each slot is owned by one replica."""

    def __init__(self, database: Database, jobs: Mapping[str, tuple[str, Job]], owner: str) -> None:
        self._database = database
        self._jobs = jobs
        self._owner = owner
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for name, (line, job) in self._jobs.items():
            trigger = CronTrigger.from_crontab(line, timezone=UTC)
            self._scheduler.add_job(
                self._tick, trigger, args=(name, job), id=name, misfire_grace_time=30, coalesce=False, max_instances=3
            )
        self._scheduler.start()

    async def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _tick(self, name: str, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            slot = int(datetime.now(UTC).replace(second=0, microsecond=0).timestamp())
            if await self._database.write(lambda tx: self._claim(tx, name, slot)):
                await job()
        except Exception as error:
            _log.exception("job.failed", job=name, error=repr(error))
        finally:
            self._running.discard(task)

    def _claim(self, tx: Tx, name: str, slot: int) -> bool:
        tx.run(_OLD, slot=slot - KEPT_S)
        return bool(tx.run(_CLAIM, job=name, slot=slot, owner=self._owner).rowcount)
