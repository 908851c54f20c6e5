"""What the log bears out beside what the tables hold: every difference, named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from app.rebuild.model import Derived, Key, Projection

R = TypeVar("R", bound=msgspec.Struct)
Kind = Literal["missing", "altered", "added", "unreadable"]
MAX_SHOWN = 400


class Difference(msgspec.Struct, frozen=True):
    """One row that is not what the log says. ``record`` is the number of the record that says so; None where no
    record does. ``expected`` and ``found`` are the row as JSON, or the columns that differ."""

    table: str
    row: str
    kind: Kind
    expected: str = ""
    found: str = ""
    record: int | None = None

    def __str__(self) -> str:
        name = f"the row {self.row} of {self.table}"
        match self.kind:
            case "missing":
                return f"{name} is gone, which record {self.record} tells as {self.expected}"
            case "altered":
                return f"{name} says {self.found}, but record {self.record} says {self.expected}"
            case "added":
                return f"{name} is there, but no record tells of it: {self.found}"
            case "unreadable":
                return f"{name} cannot be compared: {self.found}"


def compare(projection: Projection[R], told: Mapping[Key, Derived[R]], rows: Iterable[R]) -> tuple[Difference, ...]:
    """The differences between the rows of a projection and what the log says of just these."""
    found: list[Difference] = []
    seen: set[Key] = set()
    for row in rows:
        key = projection.key_of(row)
        seen.add(key)
        said = told.get(key)
        if said is None:
            found.append(Difference(projection.table, _name(key), "added", found=_json(row)))
        elif columns := projection.differing(said.row, row):
            found.append(
                Difference(
                    projection.table, _name(key), "altered", _some(said.row, columns), _some(row, columns), said.seq
                )
            )
    if not projection.may_lack:
        found += [
            Difference(projection.table, _name(key), "missing", _json(said.row), record=said.seq)
            for key, said in told.items()
            if key not in seen
        ]
    return tuple(found)


def _name(key: Key) -> str:
    return " ".join(str(part) for part in key)


def _json(row: msgspec.Struct) -> str:
    return _short(msgspec.json.encode(row).decode())


def _some(row: msgspec.Struct, columns: Iterable[str]) -> str:
    values: dict[str, Any] = {name: getattr(row, name) for name in columns}
    return _short(msgspec.json.encode(values).decode())


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
