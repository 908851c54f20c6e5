"""The steps of a version: written with their records, read as log and table tell them."""

from __future__ import annotations

import msgspec

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.rebuild import policies
from app.rebuild.compare import compare
from app.rebuild.memory import Memory
from app.rebuild.policies import PROJECTION, PolicyRow
from app.standing.model import Standing


def standing(tx: Tx, memory: Memory, log: str, repository_id: int, sha256: str) -> Standing:
    """The log's rows, and how the table's differ from them."""
    try:
        said = memory.look(tx, log, [(PROJECTION, policies.resource(repository_id, sha256))]).of(PROJECTION)
    except RecordAlteredError as error:
        return Standing(differences=(f"record {error.seq} of log {log} was altered: {error.what}",))
    rows = policies.rows(tx, log, repository_id, sha256)
    told = tuple(one.row for one in sorted(said.values(), key=lambda one: one.seq))
    return Standing(told, tuple(map(str, compare(PROJECTION, said, rows))))


def add(tx: Tx, log: str, row: PolicyRow, trace_id: str = "") -> None:
    """With its record."""
    assert PROJECTION.add is not None
    tx.run(PROJECTION.add, log=log, **msgspec.structs.asdict(row))
    policies.say_version(tx, log, row, trace_id)
