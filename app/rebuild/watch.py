"""Every day, whether the tables are still what the log tells. A decision finds a difference only in rows it uses."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.rebuild.child import Request
from app.rebuild.compare import Difference
from app.rebuild.saying import SERVICE
from app.rebuild.service import Rebuilt
from app.sweeps.schedule import Job
from manifests import canonical
from manifests.record import Draft, facts

REMEDY = "Run `countersign audit rebuild` to see them; treat the database as tampered with."

_log = structlog.get_logger()


class ComparisonFailedError(Exception):
    """The comparison ended without an answer; nothing was found out."""


class Watch:
    """``database_url`` is read by a connection of its own."""

    def __init__(
        self, database: Database, database_url: str, logs: Sequence[str], clock: Clock, metrics: Metrics
    ) -> None:
        self._database = database
        self._url = database_url
        self._logs = tuple(logs)
        self._clock = clock
        self._metrics = metrics

    def jobs(self, hour: int) -> Mapping[str, tuple[str, Job]]:
        """Daily, half an hour after the verification that begins at ``hour`` (UTC)."""
        return {"audit-compare": (f"41 {hour} * * *", self.__call__)}

    async def __call__(self) -> None:
        """Compare, and tell what differs: an alarm and a record. Whoever decides on such a row is denied already."""
        try:
            found = await self._examined()
        except ComparisonFailedError as error:
            _log.error("audit.not_compared", error=str(error))
            self._metrics.alarm("audit", f"The tables could not be compared with the log: {error}")
            return
        for one in found:
            if one.differences:
                tables = ", ".join(sorted({difference.table for difference in one.differences}))
                text = f"{len(one.differences)} rows are not what the log {one.log} tells, in {tables}. {REMEDY}"
                self._metrics.alarm("difference", text)
                await self._database.write(lambda tx, one=one: self._note(tx, one))  # type: ignore[misc]

    async def _examined(self) -> list[Rebuilt]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.rebuild.child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, errors = await process.communicate(msgspec.json.encode(Request(self._url, self._logs)))
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            said = errors.decode(errors="replace").strip().rpartition("\n")[2]
            raise ComparisonFailedError(f"the process that compares ended with {process.returncode}: {said}")
        return msgspec.json.decode(out, type=list[Rebuilt])

    def _note(self, tx: Tx, found: Rebuilt) -> None:
        """A digest stands for the differences, which may hold what people wrote."""
        count: dict[str, int] = {}
        for one in found.differences:
            count[one.table] = count.get(one.table, 0) + 1
        data = {"differences": _digest(found.differences), "tables": count}
        draft = Draft(
            trace_id="audit", ts=self._clock(), stage="system", event="audit.differs", component="rebuild",
            action="compared", resource="audit/compared", actor_ref=SERVICE, outcome="alarm", data=facts(data),
        )  # fmt: skip
        tx.stage(found.log, draft)


def _digest(differences: Sequence[Difference]) -> str:
    return canonical.sha256_hex(msgspec.json.encode(differences))
