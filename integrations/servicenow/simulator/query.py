"""Encoded queries: ``^`` and, ``^OR`` or with the condition before it, ``^NQ`` a new group, ORDERBY anywhere.

A condition on an unknown field is dropped and the rest runs. Source: Table API, sysparm_query.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from integrations.servicenow.simulator.schema import TABLES
from integrations.servicenow.simulator.store import Row, Store

_OPERATORS = (
    "ISNOTEMPTY",
    "ISEMPTY",
    "EMPTYSTRING",
    "ANYTHING",
    "NOT LIKE",
    "NOT IN",
    "STARTSWITH",
    "ENDSWITH",
    "BETWEEN",
    "LIKE",
    "IN",
    ">=",
    "<=",
    "!=",
    ">",
    "<",
    "=",
)
_CONDITION = re.compile(
    r"(?P<field>[a-z][a-z0-9_.]*)(?P<operator>" + "|".join(map(re.escape, _OPERATORS)) + r")(?P<value>.*)",
    re.DOTALL,
)
_USER_ID = re.compile(r"javascript:\s*gs\.getUserID\(\)\s*;?", re.IGNORECASE)
_DATE = re.compile(r"javascript:\s*gs\.dateGenerate\('([-\d]+)','([:\d]+)'\)\s*;?")


class Condition(msgspec.Struct, frozen=True):
    field: str
    operator: str
    value: str


class Query(msgspec.Struct, frozen=True):
    """An OR of groups; a group is an AND of clauses; a clause is an OR of conditions."""

    groups: tuple[tuple[tuple[Condition, ...], ...], ...]
    order: tuple[tuple[str, Literal["up", "down"]], ...] = ()
    dropped: bool = False


def known_field(table: str, path: str) -> bool:
    """Whether a (dot-walked) field exists."""
    head, _, rest = path.partition(".")
    field = TABLES[table].fields.get(head)
    if field is None:
        return False
    return not rest or (field.kind == "reference" and known_field(field.target, rest))


def value_of(store: Store, table: str, row: Row, path: str) -> str:
    """The stored value of a (dot-walked) field; "" where a reference on the way is empty."""
    head, _, rest = path.partition(".")
    value = row.get(head, "")
    if not rest:
        return value
    target = TABLES[table].fields[head].target
    referenced = store.get(target, value)
    return "" if referenced is None else value_of(store, target, referenced, rest)


def parse(table: str, text: str, user_id: str) -> Query:
    """The query as the instance understands it; ``user_id`` is the caller, for gs.getUserID()."""
    groups: list[list[list[Condition]]] = [[]]
    order: list[tuple[str, Literal["up", "down"]]] = []
    dropped = False
    for part in text.split("^"):
        if not part or part == "EQ":
            continue
        if part.startswith("ORDERBY"):
            down = part.startswith("ORDERBYDESC")
            name = part[len("ORDERBYDESC" if down else "ORDERBY") :]
            if known_field(table, name):
                order.append((name, "down" if down else "up"))
            continue
        if part.startswith("NQ"):
            groups.append([])
        condition = _condition(part.removeprefix("NQ").removeprefix("OR"), user_id)
        if condition is None or not known_field(table, condition.field):
            dropped = True
        elif part.startswith("OR") and groups[-1]:
            groups[-1][-1].append(condition)
        else:
            groups[-1].append([condition])
    frozen = tuple(tuple(tuple(clause) for clause in group) for group in groups)
    return Query(frozen, tuple(order), dropped)


def select(store: Store, table: str, query: Query) -> list[Row]:
    """The matching rows in the asked order (in order of making where none is asked)."""
    found = [
        row
        for row in store.rows(table)
        if any(all(any(_holds(store, table, row, one) for one in clause) for clause in group) for group in query.groups)
    ]
    for name, direction in reversed(query.order):
        found.sort(key=_sort_key(store, table, name), reverse=direction == "down")
    return found


def _sort_key(store: Store, table: str, name: str) -> Callable[[Row], str]:
    return lambda row: value_of(store, table, row, name)


def _condition(text: str, user_id: str) -> Condition | None:
    found = _CONDITION.fullmatch(text)
    if found is None:
        return None
    value = found["value"]
    if _USER_ID.fullmatch(value):
        value = user_id
    elif moment := _DATE.fullmatch(value):
        value = f"{moment[1]} {moment[2]}"
    return Condition(found["field"], found["operator"], value)


def _holds(store: Store, table: str, row: Row, condition: Condition) -> bool:
    found = value_of(store, table, row, condition.field)
    wanted = condition.value
    tests: dict[str, Callable[[], bool]] = {
        "=": lambda: found == wanted,
        "!=": lambda: found != wanted,
        ">": lambda: _compare(found, wanted) > 0,
        ">=": lambda: _compare(found, wanted) >= 0,
        "<": lambda: _compare(found, wanted) < 0,
        "<=": lambda: _compare(found, wanted) <= 0,
        "IN": lambda: found in wanted.split(","),
        "NOT IN": lambda: found not in wanted.split(","),
        "LIKE": lambda: wanted in found,
        "NOT LIKE": lambda: wanted not in found,
        "STARTSWITH": lambda: found.startswith(wanted),
        "ENDSWITH": lambda: found.endswith(wanted),
        "BETWEEN": lambda: _between(found, wanted),
        "ISEMPTY": lambda: found == "",
        "EMPTYSTRING": lambda: found == "",
        "ISNOTEMPTY": lambda: found != "",
        "ANYTHING": lambda: True,
    }
    return tests[condition.operator]()


def _compare(left: str, right: str) -> int:
    try:
        a, b = int(left), int(right)
    except ValueError:
        return (left > right) - (left < right)
    return (a > b) - (a < b)


def _between(found: str, wanted: str) -> bool:
    low, _, high = wanted.partition("@")
    return _compare(found, low) >= 0 and _compare(found, high) <= 0
