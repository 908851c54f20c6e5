"""A sink that falls behind is seen at once and told in the log, once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.blobs.store import BlobStore
from app.sinks import store, worm
from app.sinks.lag import ALARM_S
from app.sinks.model import Sink
from app.sinks.service import Sinks
from integrations.errors import NotFoundError
from integrations.objectlock.local import LocalWorm
from tests.sinks.made import DAYS, World, catch_up, verifiers, world


def gauge(w: World, name: str, **labels: str) -> float | None:
    return w.metrics.registry.get_sample_value(f"countersign_{name}", labels)


class Told(msgspec.Struct):
    log: str
    problem: str


async def test_lag_is_shown_in_seconds_and_records(database_url: str, tmp_path: Path) -> None:
    async with world(database_url) as w:
        sink = worm.sink("worm", LocalWorm(tmp_path / "worm"), DAYS, w.clock)
        lag = w.lag(sink)
        await w.write(5)
        w.clock.after(60)
        await lag()
        assert gauge(w, "sink_lag_seconds", sink="worm") == 60
        assert gauge(w, "sink_records_behind", sink="worm") == 5
        assert gauge(w, "anchor_lag_seconds", log="acme") == 60
        await catch_up(w.worker(sink))
        await lag()
        assert gauge(w, "sink_lag_seconds", sink="worm") == 0
        assert gauge(w, "sink_records_behind", sink="worm") == 0
        assert gauge(w, "anchor_lag_seconds", log="acme") == 0


async def test_a_sink_too_far_behind_alarms_once_and_its_recovery_is_told(database_url: str, tmp_path: Path) -> None:
    async with world(database_url) as w:
        sink = worm.sink("worm", LocalWorm(tmp_path / "worm"), DAYS, w.clock)
        lag = w.lag(sink)
        await w.write(5)
        w.clock.after(ALARM_S)
        await lag()
        assert await w.events("sink.alarmed", "system") == []
        w.clock.after(1)
        for _ in range(3):
            await lag()
        (alarm,) = await w.events("sink.alarmed", "system")
        told = msgspec.json.decode(alarm.data, type=Told)
        assert (alarm.outcome, told.log) == ("alarm", "acme")
        assert "901 s behind" in told.problem
        assert gauge(w, "alarms_total", kind="sink") == 1
        await catch_up(w.worker(sink))
        for _ in range(2):
            await lag()
        (recovery,) = await w.events("sink.recovered", "system")
        assert recovery.outcome == "ok"


class Weakened(LocalWorm):
    """A bucket whose configuration changes."""

    said: tuple[str, ...] = ()
    gone = False

    async def problems(self, days: int) -> tuple[str, ...]:
        if self.gone:
            raise NotFoundError("no such bucket")
        return self.said


async def test_a_weakened_bucket_alarms_once_until_it_is_as_it_was(database_url: str, tmp_path: Path) -> None:
    async with world(database_url) as w:
        weakened = Weakened(tmp_path / "worm")
        sinks = Sinks(
            [worm.sink("worm", weakened, DAYS, w.clock)],
            w.database,
            verifiers,
            w.clock,
            w.metrics,
            BlobStore(w.clock),
            "me",
        )
        await sinks.check()
        weakened.said = ("expected a default retention of 2557 days, found 1.",)
        await sinks.check()
        await sinks.check()
        (alarm,) = await w.events("sink.alarmed", "system")
        assert b"found 1" in bytes(alarm.data)
        weakened.gone = True
        await sinks.check()
        assert len(await w.events("sink.alarmed", "system")) == 2
        weakened.said, weakened.gone = (), False
        await sinks.check()
        assert len(await w.events("sink.recovered", "system")) == 1


async def test_a_service_compares_first_and_then_delivers_by_itself(database_url: str, tmp_path: Path) -> None:
    async with world(database_url) as w:
        folder = LocalWorm(tmp_path / "worm")
        await w.write(5)
        w.clock.after(10)
        sinks = Sinks(
            [worm.sink("worm", folder, DAYS, w.clock)],
            w.database,
            verifiers,
            w.clock,
            w.metrics,
            BlobStore(w.clock),
            "me",
        )
        await sinks.start()
        while not await folder.keys("acme/segment/"):
            await w.write(0)
        await sinks.stop()
        assert gauge(w, "sink_lag_seconds", sink="worm") is not None


async def test_without_sinks_nothing_runs(database_url: str) -> None:
    async with world(database_url) as w:
        none: list[Sink] = []
        sinks = Sinks(none, w.database, verifiers, w.clock, w.metrics, BlobStore(w.clock), "me")
        await sinks.start()
        assert sinks.jobs() == {}
        await sinks.stop()


@pytest.mark.parametrize("seconds", [-3600, 0])
async def test_a_clock_that_went_back_shows_no_lag(tmp_path: Path, seconds: int) -> None:
    async with world(f"sqlite:///{tmp_path}/a.db") as w:
        await w.write(1)
        w.clock.after(seconds)
        (behind,) = await w.lag(worm.sink("worm", LocalWorm(tmp_path), DAYS, w.clock))()
        assert behind.seconds == 0


async def test_what_a_place_said_that_was_taken_out_of_the_settings_denies_no_more_and_is_on_record(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url) as w:
        await w.write(2)
        await w.database.write(lambda tx: store.refuted(tx, "kafka", "acme", "it was rolled back"))
        await w.database.write(lambda tx: store.refuted(tx, "worm", "acme", "it was forked"))
        kept = [worm.sink("worm", LocalWorm(tmp_path), DAYS, w.clock)]
        sinks = Sinks(kept, w.database, verifiers, w.clock, w.metrics, BlobStore(w.clock), "me")
        await w.database.write(sinks._disown)
        assert await w.database.read(lambda tx: store.problem_of(tx, "acme")) == "it was forked"
        (told,) = await w.events("sink.alarmed", "system")
        assert b"taken out of the settings" in bytes(told.data)
        assert b"it was rolled back" in bytes(told.data)
