"""Reading what a rule asks of evidence: its types, what their fields have to be, and their findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

import msgspec

from manifests.located_yaml import Mapping as Table
from manifests.located_yaml import Node
from manifests.located_yaml_reader import Fields, Read, Reader, shown
from manifests.located_yaml_scalars import parse_duration, parse_instant
from manifests.located_yaml_values import boolean, choice, duration, form, many, text
from manifests.measures import UNITS, parse_measure
from manifests.policy_parser_forms import FIELD, MAX_AGE_S, MAX_EXCEPTION_S, MAX_LINE, MAX_LIST
from manifests.policy_parser_names import Names, group_name
from manifests.policy_terms import SEVERITIES, Comparison, FindingsRule, Operator, Requirement, Severity, ValueKind
from manifests.release_parser_forms import EVIDENCE_TYPE

NAMED_KEYS = ("type", "require")
FINDINGS_KEYS = ("from", "types", "exceptions")
EXCEPTION_KEYS = ("by", "longest")
DEFAULT_EXCEPTION_S = FindingsRule("critical", ()).longest
ORDERS: tuple[Operator, ...] = ("<=", ">=", "<", ">")
_COMPARED = re.compile(r"(<=|>=|!=|<|>|=) ?(.*)", re.DOTALL)
_UNIT_LETTERS = "".join(UNITS)
_Value = Callable[[str], str | None]
"""A value as comparisons keep it, or None where it is none."""


class _Ordered(msgspec.Struct, frozen=True):
    """An operator that is followed by an order sign and a value."""

    expected: str
    value: _Value
    signs: tuple[str, ...] = ORDERS


class _Listed(msgspec.Struct, frozen=True):
    """An operator that is followed by words."""

    kind: ValueKind
    operator: Operator


def _number(found: str) -> str | None:
    if parse_measure(found) is None:
        return None
    number = found.rstrip(_UNIT_LETTERS)
    return f"{number} {found[len(number) :]}".strip() if " " not in found else found


def _age(found: str) -> str | None:
    seconds = parse_duration(found)
    return None if seconds is None or seconds > MAX_AGE_S else str(seconds)


def _time(found: str) -> str | None:
    return None if parse_instant(found) is None else found


ORDERED: Mapping[ValueKind, _Ordered] = {
    "number": _Ordered(
        f'a comparison such as "<= 0.6 %", with a decimal number and one of the units {", ".join(UNITS)}, or none',
        _number,
        (*ORDERS, "=", "!="),
    ),
    "age": _Ordered('a comparison such as "<= 30d", with a time like 45s, 30m, 72h or 30d, of at most 3660d', _age),
    "time": _Ordered('a comparison such as ">= 2026-01-01T00:00:00Z", with a time and its zone', _time),
}
LISTED: Mapping[str, _Listed] = {
    "one_of": _Listed("text", "one-of"),
    "none_of": _Listed("text", "none-of"),
    "includes": _Listed("set", "includes"),
    "excludes": _Listed("set", "excludes"),
}
OPERATORS: tuple[str, ...] = (*ORDERED, *LISTED, "is")


class Asked(msgspec.Struct, frozen=True):
    """One entry of `evidence`."""

    type: str
    comparisons: tuple[Comparison, ...] = ()


def evidence(reader: Reader) -> Read[tuple[Asked, ...]]:
    """Types of evidence, each once, some with what they have to say."""
    read_type, read_comparisons = form(reader, EVIDENCE_TYPE), _comparisons(reader)

    def read(node: Node, name: str) -> Asked | None:
        if not isinstance(node, Table):
            found = read_type(node, name)
            return None if found is None else Asked(found)
        fields = reader.fields(node, "an entry of `evidence`", NAMED_KEYS)
        found = fields.required("type", read_type, None)
        asked = fields.required("require", read_comparisons, ())
        return None if found is None else Asked(found, asked)

    return many(reader, read, least=1, unique=lambda asked: asked.type)


def requirements(asked: tuple[Asked, ...]) -> tuple[Requirement, ...]:
    return tuple(Requirement(one.type, one.comparisons) for one in asked if one.comparisons)


def _comparisons(reader: Reader) -> Read[tuple[Comparison, ...]]:
    known = ("field", *OPERATORS)
    read_field = form(reader, FIELD)
    readers = _operators(reader)

    def read(node: Node, name: str) -> Comparison | None:
        fields = reader.fields(node, "a comparison", known)
        field = fields.required("field", read_field, "")
        given = [key for key in fields.keys if key != "field"]
        if len(given) != 1:
            _refuse_operators(fields, given)
            return None
        found = fields.optional(given[0], readers[given[0]], None)
        return None if found is None else msgspec.structs.replace(found, field=field)

    return many(reader, read, least=1, most=MAX_LIST, unique=lambda comparison: comparison)


def _refuse_operators(fields: Fields, given: list[str]) -> None:
    if isinstance(fields.node, Table):
        found = " and ".join(f"`{key}`" for key in given) or "none"
        fields.reader.refuse(
            fields.keys[given[1]] if given else fields.node,
            "policy.comparison",
            f"Expected one of {', '.join(OPERATORS)} in a comparison, found {found}.",
            "Write a comparison for each." if given else "Add one.",
        )


def _operators(reader: Reader) -> Mapping[str, Read[Comparison]]:
    """How each operator's value is read, as a comparison of a field that is not known yet."""
    words = many(reader, text(reader, MAX_LINE), least=1, most=MAX_LIST, unique=str)

    def ordered(kind: ValueKind, form: _Ordered) -> Read[Comparison]:
        return lambda node, name: _ordered(reader, node, name, kind, form)

    def listed(form: _Listed) -> Read[Comparison]:
        def read(node: Node, name: str) -> Comparison | None:
            found = words(node, name)
            return None if found is None else Comparison("", form.kind, form.operator, found)

        return read

    def truth(node: Node, name: str) -> Comparison | None:
        found = boolean(reader)(node, name)
        return None if found is None else Comparison("", "boolean", "is", ("true" if found else "false",))

    return {
        **{kind: ordered(kind, form) for kind, form in ORDERED.items()},
        **{key: listed(form) for key, form in LISTED.items()},
        "is": truth,
    }


def _ordered(reader: Reader, node: Node, name: str, kind: ValueKind, form: _Ordered) -> Comparison | None:
    scalar = reader.scalar(node, name, form.expected)
    if scalar is None:
        return None
    match = _COMPARED.fullmatch(scalar.text)
    value = form.value(match[2]) if match is not None and match[1] in form.signs else None
    if match is None or value is None:
        remedy = f"Begin with one of {' '.join(form.signs)}, and put it in quotes."
        reader.refuse(node, "field.form", f"`{name}`: expected {form.expected}, found {shown(scalar.text)}.", remedy)
        return None
    return Comparison("", kind, cast(Operator, match[1]), (value,))


def findings(reader: Reader, names: Names) -> Read[FindingsRule]:
    """From which severity on findings need an exception, and who can grant one."""
    types = many(reader, form(reader, EVIDENCE_TYPE), least=1, most=MAX_LIST, unique=str)
    read_severity: Read[Severity] = choice(reader, SEVERITIES)
    read_exceptions = _exceptions(reader, names)

    def read(node: Node, name: str) -> FindingsRule:
        fields = reader.fields(node, "`findings`", FINDINGS_KEYS)
        severity: Severity = fields.required("from", read_severity, "low")
        by, longest = fields.optional("exceptions", read_exceptions, (None, DEFAULT_EXCEPTION_S))
        return FindingsRule(severity, fields.required("types", types, ()), by, longest)

    return read


def _exceptions(reader: Reader, names: Names) -> Read[tuple[str | None, int]]:
    read_group, read_longest = group_name(reader, names.groups), duration(reader, 1, MAX_EXCEPTION_S)

    def read(node: Node, name: str) -> tuple[str | None, int]:
        fields = reader.fields(node, "`exceptions`", EXCEPTION_KEYS)
        by = fields.required("by", read_group, None)
        return by, fields.optional("longest", read_longest, DEFAULT_EXCEPTION_S)

    return read
