"""What the service itself found out about its log, and whether it could be restored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.audit.reading import read_only
from app.backup.make import newest_at
from app.backup.service import OVERDUE_US
from app.clock import SECOND
from app.db.connect import sqlite_path
from app.db.database import DatabaseUnavailableError
from app.doctor.model import Finding, Patient, ok, problem, unasked
from app.verification import store
from app.verification.store import Verified

LATE_US = 49 * 3600 * SECOND
"""Two daily runs were missed."""

HOUR_US = 3600 * SECOND


async def verified(patient: Patient) -> tuple[Finding, ...]:
    """What the last verifications found, log by log."""
    name = "audit log"
    known = await asyncio.to_thread(_known, patient)
    if isinstance(known, str):
        return (unasked(name, known),)
    if not known:
        return (unasked(name, "it was not verified yet; the service does it every day, or `countersign audit verify`"),)
    return tuple(_verified(f"{name} {one.log}", one, patient.clock()) for one in known)


async def backups(patient: Patient) -> tuple[Finding, ...]:
    """Whether there is a backup that is young enough."""
    directory = patient.settings.backup.directory
    if directory is None:
        return (unasked("backup", "none is made: backup.directory is not set"),)
    made_at = await asyncio.to_thread(newest_at, directory)
    if made_at is None:
        return (problem("backup", f"expected one in {directory}, found none.", "Run `countersign backup`."),)
    age = patient.clock() - made_at
    told = f"the newest in {directory} is {max(age, 0) // HOUR_US} hours old"
    if age > OVERDUE_US:
        remedy = "Look for backup.failed in the service's log; run `countersign backup`."
        return (problem("backup", f"{told}.", remedy),)
    return (ok("backup", told),)


def _verified(name: str, one: Verified, now: int) -> Finding:
    if one.problem:
        return problem(name, one.problem[:300], "Follow docs/runbooks/verification-finding.md.")
    hours = max(now - one.at, 0) // HOUR_US
    if now - one.at > LATE_US:
        return problem(name, f"last verified {hours} hours ago.", "Look for audit.not_verified in the service's log.")
    return ok(name, f"{one.size} records were right {hours} hours ago")


def _known(patient: Patient) -> Sequence[Verified] | str:
    url = patient.settings.database.url.get_secret_value()
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return "the database does not exist yet"
    try:
        return read_only(url, store.everything)
    except DatabaseUnavailableError:
        return "the database cannot be read"
