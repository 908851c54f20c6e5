"""Rows of the simulated instance, as the wire has them: every value a string, unset is ""."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from integrations.servicenow.simulator.schema import TABLES, Field, Table
from integrations.servicenow.times import format_instant

Row = dict[str, str]
_FIRST_NUMBER = 30_001


class Store:
    """``clock`` gives microseconds since 1970 UTC, ``ids`` gives sys_ids of 32 hex digits."""

    def __init__(self, clock: Callable[[], int], ids: Callable[[], str]) -> None:
        self._clock = clock
        self._ids = ids
        self._rows: dict[str, dict[str, Row]] = {name: {} for name in TABLES}
        self._next: dict[str, int] = {}
        self.contents: dict[str, bytes] = {}

    def rows(self, table: str) -> Iterator[Row]:
        """All rows in the order of their making."""
        return iter(tuple(self._rows[table].values()))

    def get(self, table: str, sys_id: str) -> Row | None:
        return self._rows[table].get(sys_id)

    def find(self, table: str, **wanted: str) -> list[Row]:
        return [row for row in self.rows(table) if all(row[name] == value for name, value in wanted.items())]

    def insert(self, table: str, values: Mapping[str, str], by: str) -> Row:
        """A new row; unknown fields are ignored, over-long text is cut off, journals are set apart."""
        description = TABLES[table]
        row = {name: field.default for name, field in description.fields.items() if field.kind != "journal"}
        now = format_instant(self._clock())
        row.update(
            sys_id=self._ids(),
            sys_created_on=now,
            sys_updated_on=now,
            sys_created_by=by,
            sys_updated_by=by,
            sys_mod_count="0",
        )
        if description.prefix:
            number = self._next.get(table, _FIRST_NUMBER)
            self._next[table] = number + 1
            row["number"] = f"{description.prefix}{number:07d}"
        self._rows[table][row["sys_id"]] = row
        self._set(description, row, values, by)
        return row

    def update(self, table: str, row: Row, values: Mapping[str, str], by: str) -> None:
        """Sets fields and counts the change; a write that changes nothing leaves the row as it was."""
        if self._set(TABLES[table], row, values, by):
            row["sys_updated_on"] = format_instant(self._clock())
            row["sys_updated_by"] = by
            row["sys_mod_count"] = str(int(row["sys_mod_count"]) + 1)

    def delete(self, table: str, sys_id: str) -> None:
        self._rows[table].pop(sys_id, None)

    def _set(self, table: Table, row: Row, values: Mapping[str, str], by: str) -> bool:
        changed = False
        for name, value in values.items():
            field = table.fields.get(name)
            if field is None:
                continue
            if field.kind == "journal":
                changed = bool(value) or changed
                self._note(table.name, row, name, value, by)
                continue
            stored = stored_value(field, value)
            changed = changed or row[name] != stored
            row[name] = stored
        return changed

    def _note(self, table: str, row: Row, element: str, value: str, by: str) -> None:
        if value:
            note = {"name": table, "element_id": row["sys_id"], "element": element, "value": value}
            self.insert("sys_journal_field", note, by)


def stored_value(field: Field, value: str) -> str:
    """What is kept of a written value: cut to length, empty when it is not on the choice list."""
    if field.kind == "choice" and value not in field.choices:
        return ""
    if field.kind == "boolean":
        return "true" if value.lower() in ("true", "1") else "false"
    return value[: field.longest] if field.longest else value
