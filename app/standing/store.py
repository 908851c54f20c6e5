"""The steps of a branch's versions: written with their records, read as log and table tell them."""

from __future__ import annotations

import msgspec

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.rebuild import policies
from app.rebuild.compare import compare
from app.rebuild.memory import Memory
from app.rebuild.policies import PROJECTION, PolicyRow
from app.standing.model import Branch


def branch(tx: Tx, memory: Memory, log: str, repository_id: int, base_ref: str) -> Branch:
    """The log's steps, and how the table's differ from them."""
    try:
        said = memory.look(tx, log, [(PROJECTION, policies.resource(repository_id, base_ref))]).of(PROJECTION)
    except RecordAlteredError as error:
        return Branch(differences=(f"record {error.seq} of log {log} was altered: {error.what}",))
    rows = policies.rows(tx, log, repository_id, base_ref)
    told = tuple(one.row for one in sorted(said.values(), key=lambda one: one.seq))
    coming = tuple(row for row in rows if PROJECTION.key_of(row) not in said)
    return Branch((*told, *coming), tuple(map(str, compare(PROJECTION, said, rows))))


def add(tx: Tx, log: str, row: PolicyRow, at: int, trace_id: str = "") -> None:
    """With its record, which is of now (``at``, microseconds since 1970 UTC)."""
    assert PROJECTION.add is not None
    tx.run(PROJECTION.add, log=log, **msgspec.structs.asdict(row))
    policies.say_version(tx, log, row, trace_id, at)
