"""What is counted. One object per service, handed to whoever counts; /metrics shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from integrations.observing import CallResult

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_FAST_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_SLOW_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)


AlarmKind = Literal["anchor", "audit", "backup", "deployment", "difference", "glass", "log", "policy", "sink"]
Told = Literal["deadline"]


class Metrics:
    """Counters, gauges and histograms, all named ``countersign_…``; durations in seconds.

    Labels hold closed vocabularies only: never a repository, a person or free text.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.on_alarm: Callable[[str, str], None] | None = None
        self.deliveries = self._counter("deliveries", "Webhook deliveries answered", "event", "result")
        self.inbox_seconds = self._histogram("inbox_seconds", "From request to stored and answered", _FAST_S)
        self.evaluations = self._counter("evaluations", "Verdicts computed", "outcome")
        self.evaluation_seconds = self._histogram("evaluation_seconds", "One evaluation of a pull", _SLOW_S)
        self.effects = self._counter("effects", "Effects tried outside", "kind", "result")
        self.decisions = self._counter("decisions", "Gate decisions answered", "outcome")
        self.decision_seconds = self._histogram("decision_seconds", "One gate decision", _FAST_S)
        self.redemptions = self._counter("redemptions", "Decisions redeemed", "result")
        self.neighbour_calls = self._counter("neighbour_calls", "Calls to neighbours", "neighbour", "result")
        self.neighbour_seconds = self._histogram("neighbour_seconds", "One call", _SLOW_S, "neighbour")
        self.alarms = self._counter("alarms", "Differences between tables and log, violations", "kind")
        self.work_due = self._gauge("work_due", "Keys of work that are due")
        self.work_oldest_seconds = self._gauge("work_oldest_seconds", "How long the oldest due work has waited")
        self.log_queue = self._gauge("log_queue", "Records accepted for the audit logs and not on disk yet")
        self.log_appended = self._counter("log_appended", "Records added to an audit log directly", "log")
        self.log_refused = self._counter("log_refused", "Records refused because the queue was full", "log")
        self.log_size = self._gauge("log_size", "Records in the audit log", "log")
        self.log_indexed = self._gauge("log_indexed", "Records in the search index of the audit log", "log")
        self.anchor_lag_seconds = self._gauge("anchor_lag_seconds", "Age of the newest anchored checkpoint", "log")
        self.sink_lag_seconds = self._gauge("sink_lag_seconds", "How long the oldest record waits for a sink", "sink")
        self.sink_records_behind = self._gauge("sink_records_behind", "Records a sink does not have yet", "sink")
        self.backup_age_seconds = self._gauge("backup_age_seconds", "Age of the newest verified backup")
        self.http_requests = self._counter("http_requests", "Requests answered", "route", "method", "status")
        self.http_seconds = self._histogram("http_seconds", "One request", _FAST_S, "route")

    def alarm(self, kind: AlarmKind, text: str) -> None:
        """Something that somebody must look at now: counted, and told to whoever listens. ``text`` names no person."""
        self.alarms.labels(kind=kind).inc()
        if self.on_alarm is not None:
            self.on_alarm(kind, text)

    def tell(self, kind: Told, text: str) -> None:
        """Something that can wait until somebody is at work: told, not counted. ``text`` names no person."""
        if self.on_alarm is not None:
            self.on_alarm(kind, text)

    def neighbour_called(self, neighbour: str, result: CallResult, seconds: float) -> None:
        """One call to a neighbour has ended; from any thread."""
        self.neighbour_calls.labels(neighbour=neighbour, result=result).inc()
        self.neighbour_seconds.labels(neighbour=neighbour).observe(seconds)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"countersign_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"countersign_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"countersign_{name}", text, labels, buckets=buckets, registry=self.registry)
