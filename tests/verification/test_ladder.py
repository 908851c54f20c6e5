"""The service verifies its own logs; what it finds is on record, alarms, and denies until a full run finds nothing."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec
import pytest

from app.audit import store as audit
from app.audit.projection import log_facts
from app.audit.sequence import LogSequencer
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.verification import ladder as ladders
from app.verification import store
from app.verification.child import Request, VerificationFailedError, verify_in_child
from app.verification.ladder import DAY, Ladder, Ran
from app.verification.report import Report
from app.verification.schedule import jobs
from app.verification.store import Verified
from app.verification.verify import verify
from manifests.keys import PublicKey
from manifests.record import Record
from tests.audit.made import AT, KEY, draft, stage
from tests.db.opened import opened
from tests.verification.test_tampering import ALTERED, body, sql, tamper


class Bench:
    """A ladder over a log of 300 records and the time it goes by."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.url = url
        self.now = AT + DAY
        self.metrics = Metrics()
        self.requests: list[Request] = []
        self._numbers: Iterator[int] = count(1000)
        self.ladder = Ladder(
            database, url, lambda: [KEY.public], lambda: self.now, self.metrics, random.Random(7), records=100,
            full_days=7,
        )  # fmt: skip

    async def grow(self, records: int = 5) -> None:
        await stage(self.database, "acme", [draft(next(self._numbers), "release-1") for _ in range(records)])

    async def standing(self) -> dict[str, Verified]:
        return {one.log: one for one in await self.database.read(store.everything)}

    async def problem(self) -> str:
        return (await self.database.read(lambda tx: log_facts(tx, "acme"))).problem

    async def runs(self) -> list[tuple[Record, Ran]]:
        """The records of runs over acme, oldest first."""
        found = await self.database.read(lambda tx: audit.records_under(tx, "system", "log"))
        read = [(one, msgspec.json.decode(one.data, type=Ran)) for one in found]
        return [(one, ran) for one, ran in read if ran.log == "acme"]

    @property
    def alarms(self) -> float:
        return self.metrics.registry.get_sample_value("countersign_alarms_total", {"kind": "audit"}) or 0.0


@asynccontextmanager
async def bench(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """With a call in place of the process that verifies, which takes a second to start; one test has it."""
    async with opened(url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(number, f"release-{number % 4}") for number in range(300)])
        made = Bench(database, url)

        async def verified(request: Request) -> Report:
            import asyncio

            made.requests.append(request)
            keys = [PublicKey.from_openssh(key) for key in request.keys]
            return await asyncio.to_thread(
                verify, request.database, keys, clock=lambda: AT, incremental=True, whole=request.whole
            )

        monkeypatch.setattr(ladders, "verify_in_child", verified)
        yield made


@pytest.fixture
async def ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    async with bench(f"sqlite:///{tmp_path}/log.db", monkeypatch) as made:
        yield made


async def test_the_first_run_reads_everything_and_the_next_goes_on_from_there(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(database_url, monkeypatch) as made:
        await made.ladder.verify()
        assert (await made.standing())["acme"] == Verified("acme", 300, made.now, made.now, "")
        await made.grow()
        made.now += DAY
        await made.ladder.verify()
        assert (await made.standing())["acme"] == Verified("acme", 305, made.now, made.now - DAY, "")
        ran = [(run.what, run.first, run.end, record.outcome) for record, run in await made.runs()]
        assert ran == [("full", 0, 300, "ok"), ("incremental", 300, 305, "ok")]
        assert made.alarms == 0


async def test_after_a_week_everything_is_read_again(ladder: Bench) -> None:
    await ladder.ladder.verify()
    for _ in range(7):
        ladder.now += DAY
        await ladder.ladder.verify()
    assert [run.what for _, run in await ladder.runs()] == ["full", *["incremental"] * 6, "full"]


async def test_a_sample_is_on_record_and_moves_nothing_on(ladder: Bench) -> None:
    report = await ladder.ladder.sample()
    assert report is not None
    assert report.sampled == 100
    assert [(run.what, run.found, record.outcome) for record, run in await ladder.runs()] == [("sample", 0, "ok")]
    assert await ladder.standing() == {}


async def test_what_is_found_alarms_denies_and_stays_until_a_full_run_finds_nothing(
    ladder: Bench, tmp_path: Path
) -> None:
    await ladder.ladder.verify()
    await ladder.grow()
    tamper(tmp_path / "log.db", body(302, *ALTERED))
    await ladder.ladder.verify()
    assert "record 302 of log acme: body altered" in await ladder.problem()
    assert ladder.alarms == 1
    record, run = (await ladder.runs())[-1]
    assert (record.outcome, run.found, run.what) == ("alarm", 1, "incremental")
    assert "record 302 of log acme: body altered" in run.findings[0]

    tamper(tmp_path / "log.db", body(302, ALTERED[1], ALTERED[0]))
    await ladder.ladder.sample()
    assert await ladder.problem()
    await ladder.ladder.verify()
    assert ladder.requests[-1].whole == ("acme",)
    assert await ladder.problem() == ""
    assert (await ladder.runs())[-1][1].what == "full"


async def test_a_sample_that_finds_something_denies_too(ladder: Bench, tmp_path: Path) -> None:
    tamper(tmp_path / "log.db", sql("UPDATE records SET event = 'x'"))
    await ladder.ladder.sample()
    assert "column event says 'x'" in await ladder.problem()
    assert ladder.alarms == 1


async def test_a_state_of_verification_that_somebody_made_up_is_not_believed(ladder: Bench, tmp_path: Path) -> None:
    """Whoever alters old records may hide them behind the row that says how far all is well."""
    await ladder.ladder.verify()
    tamper(tmp_path / "log.db", body(7, *ALTERED))
    await ladder.ladder.verify()
    # What was read before is not read again every day; samples and the weekly run find it.
    assert await ladder.problem() == ""
    tamper(
        tmp_path / "log.db", sql("UPDATE verifications SET frontier = zeroblob(length(frontier)) WHERE log = 'acme'")
    )
    report = await ladder.ladder.verify()
    assert report is not None
    assert {item.code for item in report.findings} == {"audit.baseline_altered", "audit.body_altered"}
    assert "record 7 of log acme: body altered" in await ladder.problem()


async def test_not_finding_out_is_on_record_and_alarms_but_takes_nothing_back(
    ladder: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(request: Request) -> Report:
        raise VerificationFailedError("The process that verifies ended with -9: ")

    monkeypatch.setattr(ladders, "verify_in_child", broken)
    assert await ladder.ladder.verify() is None
    assert ladder.alarms == 1
    found = await ladder.database.read(lambda tx: audit.newest(tx, "system", 1))
    assert (found[0].event, found[0].outcome) == ("audit.verified", "unknown")
    assert await ladder.problem() == ""


async def test_a_process_of_its_own_verifies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    async with opened(url, LogSequencer([KEY])) as database:
        await stage(database, "acme", [draft(number) for number in range(3)])
        made = Bench(database, url)
        report = await made.ladder.verify(full=True)
        assert report is not None
        assert report.findings == ()
        assert (await made.standing())["acme"].size == 3
        with pytest.raises(VerificationFailedError, match="found none"):
            await verify_in_child(Request(f"sqlite:///{tmp_path}/none.db", (KEY.public.to_openssh(),), ()))


async def test_what_verification_found_is_kept_by_log(ladder: Bench) -> None:
    def unit(tx: Tx) -> tuple[str, str]:
        store.failed(tx, "other", "record 1 of log other: removed", AT)
        return store.problem_of(tx, "acme"), store.problem_of(tx, "other")

    assert await ladder.database.write(unit) == ("", "record 1 of log other: removed")


def test_the_schedule_names_its_jobs(ladder: Bench) -> None:
    assert {name: line for name, (line, _) in jobs(ladder.ladder, 4).items()} == {
        "audit-sample": "23 * * * *", "audit-verify": "11 4 * * *",
    }  # fmt: skip
