"""Verification by the service itself: samples every hour, everything new every day, everything every week.

Each run leaves a record in the system log. What is found stands in the table ``verifications``, from where decisions
learn of it, until a run over the whole log finds nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import structlog

from app.clock import SECOND, Clock
from app.db.database import Database, DatabaseUnavailableError
from app.db.tx import Tx
from app.metrics import Metrics
from app.verification import store
from app.verification.child import Request, VerificationFailedError, verify_in_child
from app.verification.report import Finding, LogReport, Report
from app.verification.sample import sample
from manifests.keys import PublicKey
from manifests.record import Draft, facts

DAY = 86_400 * SECOND
SYSTEM = "system"
TOLD = 5
"""How many findings a record and an alarm cite; `countersign audit verify` has them all."""
MAX_TEXT = 400

What = Literal["sample", "incremental", "full"]
Outcome = Literal["ok", "alarm", "unknown"]
_log = structlog.get_logger()


class Ran(msgspec.Struct, frozen=True):
    """What a run leaves on record: ``first`` to ``end``, not included, of ``log`` (every log, where it failed before it
    knew which), what was found, how long it took (milliseconds)."""

    what: What
    log: str
    first: int
    end: int
    findings: tuple[str, ...]
    found: int
    duration_ms: int


class Ladder:
    """``keys`` answers the keys that are trusted without asking the log. ``database_url`` is read by connections of
    its own."""

    def __init__(
        self, database: Database, database_url: str, keys: Callable[[], Sequence[PublicKey]], clock: Clock,
        metrics: Metrics, choose: random.Random, *, records: int, full_days: int,
    ) -> None:  # fmt: skip
        self._database = database
        self._url = database_url
        self._keys = keys
        self._clock = clock
        self._metrics = metrics
        self._choose = choose
        self._records = records
        self._full_days = full_days
        self._one_at_a_time = asyncio.Lock()

    async def sample(self) -> Report | None:
        """Some records of every log, on a thread; None when it could not be found out, which is told."""
        started = time.perf_counter()
        try:
            report = await asyncio.to_thread(
                sample, self._url, self._keys(), choose=self._choose, records=self._records
            )
        except DatabaseUnavailableError as error:
            await self._failed("sample", str(error), started)
            return None
        await self._ended(report, "sample", frozenset(), started)
        return report

    async def verify(self, *, full: bool = False) -> Report | None:
        """Every log from where it was last found right; from its beginning if that is long ago, if something was found
        since, or if ``full``. In a process of its own; None when it could not be found out, which is told."""
        async with self._one_at_a_time:
            started = time.perf_counter()
            known = await self._database.read(store.everything)
            now = self._clock()
            # Half a day less, or a run that began a minute earlier than the last would put it off for another day.
            often = self._full_days * DAY - DAY // 2
            whole = tuple(one.log for one in known if full or one.problem or now - one.full_at > often)
            keys = tuple(key.to_openssh() for key in self._keys())
            try:
                report = await verify_in_child(Request(self._url, keys, whole))
            except VerificationFailedError as error:
                await self._failed("full" if full else "incremental", str(error), started)
                return None
            await self._ended(report, "incremental", frozenset(whole), started)
            return report

    async def _ended(self, report: Report, what: What, whole: frozenset[str], started: float) -> None:
        spent = round((time.perf_counter() - started) * 1000)
        await self._database.write(lambda tx: self._note(tx, report, what, whole, spent))
        wrong = [item for item in report.findings if item.kind != "note"]
        for log in sorted({item.log for item in wrong}):
            mine = [item for item in wrong if item.log == log]
            more = f" And {len(mine) - 1} more." if len(mine) > 1 else ""
            self._metrics.alarm("audit", f"{mine[0].message[:MAX_TEXT]}{more} Run `countersign audit verify`.")

    def _note(self, tx: Tx, report: Report, what: What, whole: frozenset[str], spent: int) -> None:
        now = self._clock()
        logs = {log.log: log for log in report.logs}
        for strange in {item.log for item in report.findings} - set(logs):
            logs[strange] = LogReport(strange, 0, 0, 0, "")
        for name, log in sorted(logs.items()):
            found = [item for item in report.findings if item.log == name and item.kind != "note"]
            full = what != "sample" and (name in whole or not log.first)
            done: What = "full" if full else what
            outcome = _outcome(found)
            texts = tuple(item.message[:MAX_TEXT] for item in found[:TOLD])
            ran = Ran(done, name, log.first, log.records, texts, len(found), spent)
            tx.stage(SYSTEM, _draft(ran, outcome, now))
            if outcome == "alarm":
                altered = [item.message[:MAX_TEXT] for item in found if item.kind == "finding"]
                store.failed(tx, name, " ".join(altered[:TOLD]), now)
            elif outcome == "ok" and what != "sample" and log.signed:
                store.passed(tx, name, log.records, bytes.fromhex(log.frontier), now, full=full)

    async def _failed(self, what: What, why: str, started: float) -> None:
        """Not knowing is no finding, but somebody must look."""
        _log.error("audit.not_verified", what=what, error=why)
        self._metrics.alarm("audit", f"The log could not be verified: {why}")
        ran = Ran(what, "", 0, 0, (why[:MAX_TEXT],), 0, round((time.perf_counter() - started) * 1000))
        await self._database.write(lambda tx: tx.stage(SYSTEM, _draft(ran, "unknown", self._clock())))


def _outcome(found: Sequence[Finding]) -> Outcome:
    kinds = {item.kind for item in found}
    return "alarm" if "finding" in kinds else "unknown" if "unknown" in kinds else "ok"


def _draft(ran: Ran, outcome: Outcome, at: int) -> Draft:
    return Draft(
        trace_id="verification", ts=at, stage="system", event="audit.verified", component="verification",
        action=ran.what, resource=f"log/{ran.log}" if ran.log else "log", actor_ref="service:countersign",
        outcome=outcome, data=facts(ran),
    )  # fmt: skip
