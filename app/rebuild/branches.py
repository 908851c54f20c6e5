"""Who pushed to a branch before a pull request was opened, as the log tells it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.rebuild import pushes
from app.rebuild.compare import compare
from app.rebuild.memory import Memory
from app.rebuild.pushes import PushRow

MAX_PUSHES = 500


class Pushed(msgspec.Struct, frozen=True):
    rows: tuple[PushRow, ...] = ()
    differences: tuple[str, ...] = ()


def pushed(tx: Tx, memory: Memory, log: str, repository_id: int, shas: Iterable[str]) -> Pushed:
    """Every push that led to these commits, back to where their branches began or to where nothing is known."""
    waiting, seen = sorted(set(shas)), set[str]()
    found: list[PushRow] = []
    differences: list[str] = []
    while waiting and len(seen) < MAX_PUSHES:
        seen.update(waiting)
        wanted = [(pushes.PROJECTION, pushes.resource(repository_id, sha)) for sha in waiting]
        try:
            said = memory.look(tx, log, wanted).of(pushes.PROJECTION)
        except RecordAlteredError as error:
            differences.append(f"record {error.seq} of log {error.log} was altered: {error.what}")
            break
        rows = pushes.rows(tx, repository_id, waiting)
        differences += map(str, compare(pushes.PROJECTION, said, rows))
        found += (one.row for one in said.values())
        before = {one.row.before for one in said.values()} | {row.before for row in rows}
        waiting = sorted({sha for sha in before if sha.strip("0")} - seen)
    return Pushed(tuple(found), tuple(differences))
