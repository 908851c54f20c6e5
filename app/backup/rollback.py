"""What anchors said against the logs when they were last compared: a database that is older than it was."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import inspect, text

from app.db.database import Database
from app.db.tx import Tx

ROLLED_BACK = (
    "Stop releasing. If a backup was restored, restore it with `countersign restore`, which brings back what is "
    "missing (--replay) or records that it is given up (--accept-rollback). Otherwise treat it as tampering: "
    "docs/runbooks/verification-finding.md."
)

_log = structlog.get_logger()
_REFUTED = text("SELECT log, problem FROM sink_progress WHERE problem <> '' ORDER BY log, sink")


def refutations(tx: Tx) -> Sequence[tuple[str, str]]:
    """By log, what an anchor contradicts; nothing for a database from before there were any."""
    if not inspect(tx.connection).has_table("sink_progress"):
        return ()
    return [(row.log, row.problem) for row in tx.all(_REFUTED)]


async def tell_rolled_back(database: Database) -> None:
    """So that nobody serves a restored older state for long without knowing why everything is denied."""
    for log, problem in await database.read(refutations):
        _log.error("audit.rolled_back", log=log, problem=problem, remedy=ROLLED_BACK)
