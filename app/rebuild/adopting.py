"""Rows that are older than the records that would tell of them are adopted: once, on record, and never again.

Versions up to 0003 of the schema wrote heads, pushes, contributors, artifacts, memberships, pins, prompts and releases
without records that tell the whole row. The first start of a newer version writes such a record for each row that has
none, and then ``audit/baseline``, after which nothing is adopted any more. A log whose tree is not whole adopts
nothing: somebody may have taken that record away to have altered rows adopted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import text

from app.audit import heads as audit_heads
from app.clock import Clock
from app.db.database import Database
from app.db.tx import Tx
from app.rebuild import heads, releases, tokens
from app.rebuild.all import PROJECTIONS
from app.rebuild.heads import ReleaseName
from app.rebuild.model import ADOPTED, Projection, Rows
from app.rebuild.releases import MergedRow, ReleaseRow
from app.rebuild.saying import ROWS_PER_RECORD, SERVICE
from app.rebuild.service import derive
from manifests.merkle import Frontier
from manifests.record import Draft, facts

BASELINE = "audit/baseline"
DRAFTS_PER_WRITE = 500
_LEAVES_AT_ONCE = 65_536
_MARKED = text("SELECT seq FROM records WHERE log = :log AND resource = :resource AND event = :event LIMIT 1")
_LEAVES = text("SELECT leaf FROM records WHERE log = :log AND seq >= :first AND seq < :end ORDER BY seq")
_MAKER = text("UPDATE tokens SET made_by = :made_by WHERE tenant = :log AND id = :id AND made_by = ''")

_log = structlog.get_logger()


class _Found(msgspec.Struct, frozen=True):
    """Rows of one table that one resource will tell of."""

    table: str
    resource: str
    rows: tuple[Any, ...]


async def adopt(database: Database, logs: Iterable[str], clock: Clock) -> None:
    """Adopt what is older than its records, in each log that has not done so."""
    for log in logs:
        if await database.read(lambda tx, log=log: _marked(tx, log)):  # type: ignore[misc]
            continue
        if not await database.read(lambda tx, log=log: _whole(tx, log)):  # type: ignore[misc]
            _log.error("rebuild.not_adopted", log=log, reason="the log is not whole; run `countersign audit verify`")
            continue
        found = await database.read(lambda tx, log=log: _unknown(tx, log))  # type: ignore[misc]
        drafts = [draft for one in found for draft in _drafts(one, clock())]
        for start in range(0, len(drafts), DRAFTS_PER_WRITE):
            part = drafts[start : start + DRAFTS_PER_WRITE]
            await database.write(lambda tx, log=log, part=part: [tx.stage(log, draft) for draft in part])  # type: ignore[misc]
        counts = _count(found)
        await database.write(lambda tx, log=log, counts=counts: _mark(tx, log, counts, clock()))  # type: ignore[misc]


def _marked(tx: Tx, log: str) -> bool:
    return tx.first(_MARKED, log=log, resource=BASELINE, event=ADOPTED) is not None


def _whole(tx: Tx, log: str) -> bool:
    """Whether the records are those that the log's head was computed from."""
    head, tree = audit_heads.read(tx, log), Frontier()
    while True:
        rows = tx.all(_LEAVES, log=log, first=tree.size, end=tree.size + _LEAVES_AT_ONCE)
        tree.extend([bytes(row.leaf) for row in rows])
        if len(rows) < _LEAVES_AT_ONCE:
            break
    return tree.size == head.frontier.size and tree.root() == head.frontier.root()


def _unknown(tx: Tx, log: str) -> list[_Found]:
    found: list[_Found] = []
    for projection in PROJECTIONS:
        if projection.adopt is not None:
            told = derive(tx, log, projection).rows
            rows = [row for row in projection.rows(tx, log) if _untold(projection, told, row)]
            found += _by_resource(projection, [_complete(row, told.get(projection.key_of(row))) for row in rows])
            if projection.table == "releases":
                found += _names(rows)
    return found


def _untold(projection: Projection[Any], told: dict[Any, Any], row: Any) -> bool:
    said = told.get(projection.key_of(row))
    if said is None:
        return True
    # Only what an older record left open is adopted; what it says stays a difference.
    open_ = msgspec.UNSET in msgspec.structs.astuple(said.row)
    return open_ and set(projection.differing(said.row, row)) <= {"made_by"}


def _complete(row: Any, said: Any) -> Any:
    """Who made a token is told by its record, and by no row of an earlier version."""
    if isinstance(row, tokens.TokenRow) and not row.made_by:
        return msgspec.structs.replace(row, made_by=said.row.made_by if said else tokens.OPERATOR)
    return row


def _by_resource(projection: Projection[Any], rows: Sequence[Any]) -> list[_Found]:
    assert projection.adopt is not None
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[projection.adopt(row)].append(row)
    return [_Found(projection.table, resource, tuple(found)) for resource, found in groups.items()]


def _names(rows: Sequence[ReleaseRow]) -> list[_Found]:
    """What is found by pull request, and by name once merged."""
    found = []
    for row in rows:
        where = heads.resource(row.repository_id, row.number)
        found.append(_Found(heads.NAMES, where, (ReleaseName(row.id, row.path),)))
        if row.state == "merged":
            name = releases.merged_resource(row.repository_id, row.kind, row.name)
            found.append(_Found(releases.MERGED, name, (MergedRow(row.id, row.number, row.proposed_at),)))
    return found


def _drafts(found: _Found, at: int) -> Iterable[Draft]:
    for start in range(0, len(found.rows), ROWS_PER_RECORD):
        data = Rows(found.rows[start : start + ROWS_PER_RECORD], found.table)
        yield _draft(found.resource, facts(data), at)


def _draft(resource: str, data: Any, at: int) -> Draft:
    return Draft(
        trace_id="audit", ts=at, stage="system", event=ADOPTED, component="rebuild", action="adopted",
        resource=resource, actor_ref=SERVICE, outcome="adopted", data=data,
    )  # fmt: skip


def _count(found: Sequence[_Found]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for one in found:
        counts[one.table] += len(one.rows)
    return dict(counts)


def _mark(tx: Tx, log: str, counts: dict[str, int], at: int) -> None:
    """Nothing is adopted from here on. Tokens learn who made them."""
    for one in derive(tx, log, tokens.PROJECTION).rows.values():
        tx.run(_MAKER, made_by=one.row.made_by, log=log, id=one.row.id)
    tx.stage(log, _draft(BASELINE, facts({"adopted": counts}), at))
