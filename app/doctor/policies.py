"""Whether the policies that were last seen on listed branches count."""

from __future__ import annotations

import asyncio
from functools import partial

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.audit.reading import read_only
from app.db.connect import sqlite_path
from app.db.database import DatabaseUnavailableError
from app.db.tx import Tx
from app.doctor.model import Finding, Patient, ok, problem, unasked
from app.rebuild.memory import Memory
from app.standing import store
from app.standing.watching import PREFIX, WAITS, BranchData, last_of
from manifests.record import Record

NAME = "policies that count"


async def counting(patient: Patient) -> tuple[Finding, ...]:
    """A finding for each branch whose policy waits to be released or adopted."""
    url = patient.settings.database.url.get_secret_value()
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return ()
    found: list[Finding] = []
    for tenant in patient.settings.tenants:
        try:
            waiting = await asyncio.to_thread(read_only, url, partial(_waiting, log=tenant.id))
        except DatabaseUnavailableError:
            return (unasked(NAME, "the database cannot be read"),)
        except RecordAlteredError as error:
            return (problem(NAME, str(error), "Follow docs/runbooks/verification-finding.md."),)
        found += map(_finding, waiting)
    return tuple(found) or (ok(NAME, "every version that was seen was released or adopted"),)


def _waiting(tx: Tx, log: str) -> tuple[BranchData, ...]:
    last: dict[str, Record] = {record.resource: record for record in audit.records_under(tx, log, PREFIX)}
    found = [said for record in last.values() if (said := last_of((record,))) is not None]
    return tuple(data for record, data in found if record.outcome == WAITS and not _counts(tx, log, data))


def _counts(tx: Tx, log: str, data: BranchData) -> bool:
    return store.branch(tx, Memory(), log, data.repository_id, data.ref).counts(data.sha256)


def _finding(data: BranchData) -> Finding:
    return problem(
        f"policy of {data.repository} on {data.ref}",
        f"expected the version that was released or adopted last, found the one with SHA-256 {data.sha256}, so every"
        " release is denied.",
        f"Let two stewards run `countersign policy adopt {data.repository} --branch {data.ref}`.",
    )
