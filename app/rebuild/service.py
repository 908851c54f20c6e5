"""Every projection derived from the log, compared with its table, and written back where the table lets rows be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.clock import Clock
from app.db.tx import Tx
from app.rebuild.all import PROJECTIONS
from app.rebuild.compare import Difference, compare
from app.rebuild.model import Derived, Key, Projection
from app.rebuild.saying import SERVICE
from manifests import canonical
from manifests.record import Draft, Record, facts

RESTORE = "restore the database from a backup, or the row by hand from one, as its owner and under four eyes"


class Left(msgspec.Struct, frozen=True):
    """A difference that could not be mended here, why, and what to do."""

    difference: Difference
    why: str
    remedy: str


class Rebuilt(msgspec.Struct, frozen=True):
    """One log: what differs, what of it was written back, what was left."""

    log: str
    rows: int
    differences: tuple[Difference, ...]
    applied: int = 0
    left: tuple[Left, ...] = ()


class _Told(msgspec.Struct, frozen=True):
    rows: dict[Key, Derived[Any]]
    altered: tuple[RecordAlteredError, ...] = ()


def examine(tx: Tx, log: str, projections: Sequence[Projection[Any]] = PROJECTIONS) -> Rebuilt:
    """What every table holds of a log beside what its records say. Holds the rows of one table at a time."""
    found: list[Difference] = []
    count = 0
    for projection in projections:
        told = derive(tx, log, projection)
        count += len(told.rows)
        found += _differences(projection, told, projection.rows(tx, log))
    return Rebuilt(log, count, tuple(found))


def derive(tx: Tx, log: str, projection: Projection[Any]) -> _Told:
    """The rows that the log tells; a record that was altered tells none."""
    altered: list[RecordAlteredError] = []

    def records() -> Iterator[Record]:
        for prefix in projection.prefixes:
            for read in audit.stream(tx, log, prefix):
                if isinstance(read, RecordAlteredError):
                    altered.append(read)
                else:
                    yield read

    try:
        return _Told(projection.derive(records()), tuple(altered))
    except RecordAlteredError as error:
        return _Told({}, (*altered, error))


def apply(tx: Tx, log: str, clock: Clock, projections: Sequence[Projection[Any]] = PROJECTIONS) -> Rebuilt:
    """Write back what the log says, and put that on record. Nobody else may write meanwhile."""
    before: list[Difference] = []
    count = 0
    left: list[Left] = []
    applied = 0
    for projection in projections:
        told = derive(tx, log, projection)
        count += len(told.rows)
        rows = projection.rows(tx, log)
        stored = {projection.key_of(row): row for row in rows}
        for difference in (found := _differences(projection, told, rows)):
            why = "" if not told.altered else "records of this table were altered, so the log tells not all of it"
            why = why or _mend(tx, log, projection, difference, told.rows, stored)
            if why:
                left.append(Left(difference, why, RESTORE))
            else:
                applied += 1
        before += found
    done = Rebuilt(log, count, tuple(before), applied, tuple(left))
    if before:
        tx.stage(log, _draft(done, clock()))
    return done


def _differences(projection: Projection[Any], told: _Told, rows: Sequence[Any]) -> tuple[Difference, ...]:
    unreadable = (
        Difference(projection.table, f"of record {error.seq}", "unreadable", found=error.what, record=error.seq)
        for error in told.altered
    )
    return (*unreadable, *compare(projection, told.rows, rows))


def _mend(
    tx: Tx, log: str, projection: Projection[Any], difference: Difference, told: dict[Key, Derived[Any]],
    stored: dict[Key, Any],
) -> str:  # fmt: skip
    """Empty when the row now is what the log says, else why it cannot be."""
    key = next((one for one in (*told, *stored) if difference.row == _name(one)), None)
    if key is None:
        return "its record was altered"
    statement = {"missing": projection.add, "altered": projection.change, "added": projection.remove}[difference.kind]
    if statement is None:
        return {
            "missing": "the log does not tell whether there ever was such a row",
            "altered": f"{projection.table} is append-only: rows can be added and not changed",
            "added": f"{projection.table} is append-only: rows can be added and not removed",
        }[difference.kind]
    row = stored[key] if difference.kind == "added" else told[key].row
    values = msgspec.structs.asdict(row) if difference.kind == "added" else projection.written(tx, row)
    if values is None:
        return "log and blobs do not hold all of the row"
    wanted = statement._bindparams
    tx.run(statement, **{name: value for name, value in (values | {"log": log}).items() if name in wanted})
    return ""


def _name(key: Key) -> str:
    return " ".join(str(part) for part in key)


def _draft(done: Rebuilt, at: int) -> Draft:
    """Of what was found and mended; a digest stands for the differences, which may hold what people wrote."""
    data = {
        "applied": done.applied, "differences": canonical.sha256_hex(msgspec.json.encode(done.differences)),
        "found": len(done.differences), "left": len(done.left),
    }  # fmt: skip
    return Draft(
        trace_id="audit", ts=at, stage="system", event="audit.rebuilt", component="rebuild", action="rebuilt",
        resource="audit/rebuilt", actor_ref=SERVICE, outcome="ok" if not done.left else "incomplete", data=facts(data),
    )  # fmt: skip
