"""Numbers belong to one service."""

from __future__ import annotations

from app.metrics import Metrics


def test_two_services_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.decisions.labels(outcome="deny").inc()
    assert b'countersign_decisions_total{outcome="deny"} 1.0' in one.exposition()
    assert b'outcome="deny"' not in other.exposition()


def test_everything_is_named_countersign() -> None:
    names = [line.split()[2] for line in Metrics().exposition().decode().splitlines() if line.startswith("# TYPE")]
    assert names
    assert all(name.startswith("countersign_") for name in names)
