"""Sealed fields, of the records that were verified: one that nobody can open must have been erased on the record."""

from __future__ import annotations

from app.audit.reading import read_only
from app.db.tx import Tx
from app.privacy.findings import findings
from app.verification.report import Finding, Report


def sealed_findings(database: str, report: Report) -> list[Finding]:
    """Raises DatabaseUnavailableError."""

    def unit(tx: Tx) -> list[Finding]:
        return [item for log in report.logs for item in findings(tx, log.log, since=log.first)]

    return read_only(database, unit)
