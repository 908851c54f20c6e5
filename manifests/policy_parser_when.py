"""Reading the conditions of a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manifests.located_yaml import Mapping, Node
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import choice, form, integer, many, one_or_many, text
from manifests.policy import RISKS, Size, When
from manifests.policy_parser_forms import (
    HEAD_REF,
    MAX_CONDITION_DEPTH,
    MAX_CONDITIONS,
    MAX_NAME,
    MAX_SIZE,
    PATTERN,
)
from manifests.policy_parser_names import Names, group_name
from manifests.release_parser_forms import ENVIRONMENT, KINDS

DECLARED = ("kind", "name", "head_ref", "labels", "risk")
"""What whoever asks for a release chooses: under `not` it would let them talk a rule away."""
WHEN_KEYS = (
    "kind", "name", "environment", "paths", "base_ref", "repository", "head_ref", "labels", "risk", "size", "changed",
    "requester", "all", "any", "not",
)  # fmt: skip
NOT_KEYS = tuple(key for key in WHEN_KEYS if key not in DECLARED)
_Readers = Sequence[tuple[str, Read[Any]]]


def when(reader: Reader, names: Names) -> Read[When]:
    """The conditions of one rule: at most 8 levels and 200 keys."""
    facts = _facts(reader, names)

    def read(node: Node, name: str) -> When | None:
        return _Conditions(reader, facts).read(node, "`when`", 1, is_under_not=False)

    return read


def _facts(reader: Reader, names: Names) -> _Readers:
    patterns = one_or_many(reader, form(reader, PATTERN))
    return (
        ("kind", one_or_many(reader, choice(reader, KINDS))),
        ("name", patterns),
        ("environment", one_or_many(reader, form(reader, ENVIRONMENT))),
        ("paths", patterns),
        ("base_ref", patterns),
        ("repository", patterns),
        ("head_ref", one_or_many(reader, form(reader, HEAD_REF))),
        ("labels", one_or_many(reader, text(reader, MAX_NAME), unique=str.casefold)),
        ("risk", choice(reader, RISKS)),
        ("size", _size(reader)),
        ("changed", patterns),
        ("requester", one_or_many(reader, group_name(reader, names.groups))),
    )


class _Conditions:
    """Reads the conditions of one rule, and counts them."""

    def __init__(self, reader: Reader, facts: _Readers) -> None:
        self._reader = reader
        self._facts = facts
        self._count = 0

    def read(self, node: Node, name: str, depth: int, *, is_under_not: bool) -> When | None:
        if depth > MAX_CONDITION_DEPTH:
            message = f"Expected at most {MAX_CONDITION_DEPTH} levels of conditions, found more."
            self._reader.refuse(
                node, "policy.conditions_depth", message, "Write them with fewer levels, or as two rules."
            )
            return None
        fields = self._reader.fields(node, name, WHEN_KEYS)
        if depth > 1 and isinstance(node, Mapping) and not node.entries:
            message = f"Expected a condition in {name}, found none: it would hold for everything."
            self._reader.refuse(node, "policy.no_condition", message, "Write one, or remove this.")
        self._take(fields, is_under_not=is_under_not)
        found = {key: fields.optional(key, read, None) for key, read in self._facts if fields.has(key)}
        return When(
            **{key: value for key, value in found.items() if value is not None},
            **self._nested(fields, depth, is_under_not=is_under_not),
        )

    def _nested(self, fields: Fields, depth: int, *, is_under_not: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in ("all", "any"):
            if fields.has(key):
                found[key] = fields.optional(
                    key, self._list(f"an entry of `{key}`", depth, is_under_not=is_under_not), ()
                )
        if fields.has("not"):
            found["not_"] = self.read(fields.at("not"), "`not`", depth + 1, is_under_not=True)
        return found

    def _list(self, name: str, depth: int, *, is_under_not: bool) -> Read[tuple[When, ...]]:
        def read(node: Node, key: str) -> When | None:
            return self.read(node, name, depth + 1, is_under_not=is_under_not)

        return many(self._reader, read, least=1)

    def _take(self, fields: Fields, *, is_under_not: bool) -> None:
        for key, place in fields.keys.items():
            self._count += 1
            if self._count == MAX_CONDITIONS + 1:
                message = f"Expected at most {MAX_CONDITIONS} conditions in a rule, found more."
                self._reader.refuse(place, "policy.many_conditions", message, "Write two rules.")
            if is_under_not and key in DECLARED:
                self._reader.refuse(
                    place,
                    "policy.not_declared",
                    f"Expected no `{key}` under `not`, found one: whoever asks for the release chooses it, and could "
                    "talk the rule away.",
                    f"Use {', '.join(NOT_KEYS)} under `not`, or a rule of its own for the other values.",
                )


def _size(reader: Reader) -> Read[Size]:
    least = integer(reader, 1, MAX_SIZE)

    def read(node: Node, name: str) -> Size:
        fields = reader.fields(node, "`size`", ("files", "lines"))
        if isinstance(node, Mapping) and not node.entries:
            reader.refuse(node, "policy.no_condition", "Expected `files` or `lines` in `size`, found none.", "Add one.")
        return Size(fields.optional("files", least, None), fields.optional("lines", least, None))

    return read
