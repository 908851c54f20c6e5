"""How rows look on the wire: four shapes of references, display values, dot-walked flat keys.

Source: Table API, sysparm_display_value and sysparm_exclude_reference_link.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from integrations.servicenow.simulator.query import known_field, value_of
from integrations.servicenow.simulator.schema import TABLES, Field
from integrations.servicenow.simulator.store import Row, Store

Display = Literal["false", "true", "all"]
Value = str | dict[str, str]


class Form(msgspec.Struct, frozen=True):
    """``base`` is the address for links; ``hidden`` are fields that access rules keep from the caller."""

    base: str
    display: Display = "false"
    links: bool = True
    fields: tuple[str, ...] = ()
    hidden: frozenset[tuple[str, str]] = frozenset()


def render(store: Store, table: str, row: Row, form: Form) -> dict[str, Value]:
    """The row's fields; asked fields that do not exist or are hidden are simply absent."""
    names = form.fields or tuple(TABLES[table].fields)
    return {
        name: _value(store, table, row, name, form)
        for name in names
        if known_field(table, name) and not _is_hidden(table, name, form.hidden)
    }


def display_value(store: Store, field: Field, value: str) -> str:
    """What a person sees: labels of choices, names of references."""
    if field.kind == "choice":
        return field.choices.get(value, value)
    if field.kind == "reference" and value:
        referenced = store.get(field.target, value)
        return "" if referenced is None else referenced[TABLES[field.target].display]
    return value


def field_at(table: str, path: str) -> Field:
    """The field at the end of a dot-walked path that is known to exist."""
    head, _, rest = path.partition(".")
    field = TABLES[table].fields[head]
    return field_at(field.target, rest) if rest else field


def _is_hidden(table: str, path: str, hidden: frozenset[tuple[str, str]]) -> bool:
    head, _, rest = path.partition(".")
    if (table, head) in hidden:
        return True
    return bool(rest) and _is_hidden(TABLES[table].fields[head].target, rest, hidden)


def _value(store: Store, table: str, row: Row, name: str, form: Form) -> Value:
    field = field_at(table, name)
    value = value_of(store, table, row, name)
    shown = display_value(store, field, value)
    link = f"{form.base}/api/now/table/{field.target}/{value}"
    if field.kind != "reference" or not value:
        if form.display == "all":
            return {"display_value": shown, "value": value}
        return shown if form.display == "true" else value
    if form.display == "all":
        whole = {"display_value": shown, "value": value}
        return {**whole, "link": link} if form.links else whole
    if not form.links:
        return shown if form.display == "true" else value
    return {"link": link, "display_value": shown} if form.display == "true" else {"link": link, "value": value}
