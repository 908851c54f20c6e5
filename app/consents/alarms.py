"""What is told to whoever operates the service when the tables and the log disagree."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from app.metrics import Metrics
from gates.model import Consent

_log = structlog.get_logger()


def raise_alarm(metrics: Metrics, consents: Iterable[Consent]) -> None:
    """Log an error and count one alarm for each consent that its record does not bear out. It denies already."""
    for consent in consents:
        if consent.difference:
            _log.error("audit.difference", grant=consent.id, difference=consent.difference)
            metrics.alarm("difference", consent.difference)


def raise_differences(metrics: Metrics, differences: Iterable[str]) -> None:
    """The same for each row of another table that a decision counts."""
    for difference in differences:
        _log.error("audit.difference", difference=difference)
        metrics.alarms.labels(kind="difference").inc()
