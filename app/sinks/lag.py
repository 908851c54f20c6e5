"""How far the sinks are behind: gauges always, an alarm in the log when one is too far."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.metrics import Metrics
from app.sinks import records, store
from app.sinks.model import Sink
from app.sinks.segments import oldest_waiting

ALARM_S = 15 * 60


class Behind(msgspec.Struct, frozen=True):
    """One sink and one log: records and seconds that segments and anchors are behind."""

    sink: str
    log: str
    records: int
    segments_s: float
    anchors_s: float
    error: str
    alarmed: bool

    @property
    def seconds(self) -> float:
        return max(self.segments_s, self.anchors_s)


class Lag:
    def __init__(self, sinks: Sequence[Sink], database: Database, clock: Clock, metrics: Metrics) -> None:
        self._sinks = sinks
        self._database = database
        self._clock = clock
        self._metrics = metrics

    async def __call__(self) -> Sequence[Behind]:
        """Measure, show, and record that an alarm begins or ends. Raises DatabaseUnavailableError."""
        found = await self._database.read(self._read)
        self._show(found)
        news = [one for one in found if (one.seconds > ALARM_S) != one.alarmed]
        if news:
            await self._database.write(lambda tx: self._tell(tx, news))
        return found

    def _read(self, tx: Tx) -> list[Behind]:
        now = self._clock()
        known = {(one.sink, one.log): one for one in store.all_progress(tx)}
        found = []
        for log, size in store.logs(tx):
            for sink in self._sinks:
                progress = known.get((sink.name, log), store.Progress(sink.name, log))
                waiting = oldest_waiting(tx, log, progress.size) if sink.segments else None
                unanchored = oldest_waiting(tx, log, progress.anchored_size) if sink.anchors else None
                found.append(
                    Behind(
                        sink.name,
                        log,
                        size - progress.size if waiting is not None else 0,
                        _age(now, waiting),
                        _age(now, unanchored),
                        progress.error,
                        bool(progress.alarmed_at),
                    )
                )
        return found

    def _show(self, found: Sequence[Behind]) -> None:
        for sink in self._sinks:
            theirs = [one for one in found if one.sink == sink.name]
            self._metrics.sink_lag_seconds.labels(sink=sink.name).set(max((one.seconds for one in theirs), default=0))
            self._metrics.sink_records_behind.labels(sink=sink.name).set(sum(one.records for one in theirs))
        anchoring = {sink.name for sink in self._sinks if sink.anchors is not None}
        best: dict[str, float] = {}
        for one in found:
            if one.sink in anchoring:
                best[one.log] = min(one.anchors_s, best.get(one.log, one.anchors_s))
        for log, seconds in best.items():
            self._metrics.anchor_lag_seconds.labels(log=log).set(seconds)

    def _tell(self, tx: Tx, news: Sequence[Behind]) -> None:
        now = self._clock()
        for one in news:
            store.begin(tx, one.sink, one.log)
            late = one.seconds > ALARM_S
            if not store.alarm(tx, one.sink, one.log, now if late else 0):
                continue
            what = f"{one.seconds:.0f} s behind, more than {ALARM_S} s. {one.error}".strip() if late else ""
            tx.stage(records.SYSTEM, records.told(one.sink, what, one.log, now))
            if late:
                self._metrics.alarm("sink", f"{one.sink}, log {one.log}: {what}")


def _age(now: int, at: int | None) -> float:
    return max(0.0, (now - at) / SECOND) if at is not None else 0.0
