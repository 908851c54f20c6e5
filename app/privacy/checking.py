"""Sealed fields in a verification from the command line, held to their keys where the sealing key can be read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from app.audit.reading import read_only
from app.clock import now
from app.db.tx import Tx
from app.privacy import kek
from app.privacy.errors import SealKeyError
from app.privacy.findings import findings
from app.privacy.keys import SubjectKeys
from app.settings import load
from app.settings.mistakes import SettingsError
from app.verification.report import Finding, Report


def with_sealed(report: Report, database: str, config: Path | None) -> Report:
    """The report with a finding for each sealed field whose key is gone without an erasure, or is another."""
    keys = _keys(database, config)

    def unit(tx: Tx) -> list[Finding]:
        return [one for log in report.logs if log.records for one in findings(tx, log.log, keys, log.first)]

    return msgspec.structs.replace(report, findings=(*report.findings, *read_only(database, unit)))


def _keys(database: str, config: Path | None) -> SubjectKeys | None:
    """Of the settings' own database; another has another sealing key."""
    try:
        settings = load(config)
        own = settings.database.url.get_secret_value() == database
        return SubjectKeys(kek.load(settings, create=False), now) if own else None
    except (SealKeyError, SettingsError):
        return None
