"""Reading what a report of a case says: the fields of its predicate, and its findings."""

from __future__ import annotations

import json
import re

from app.policy import words
from gates.model import Field, FoundIssue
from manifests.located_yaml import Mapping, Node, Scalar, Sequence
from manifests.located_yaml_reader import Read, Reader
from manifests.located_yaml_scalars import other_meaning
from manifests.located_yaml_values import form, text
from manifests.policy_parser_forms import FIELD

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def report_fields(reader: Reader) -> Read[tuple[Field, ...]]:
    """Dotted path → value: numbers, `true` and `false`, texts (`0.5 %`), lists, or keys and values."""
    path = form(reader, FIELD)

    def read(node: Node, name: str) -> tuple[Field, ...]:
        return tuple(
            _field(entry.key.text, entry.value)
            for entry in reader.entries(node, name)
            if path(entry.key, name) is not None
        )

    return read


def finding(reader: Reader) -> Read[FoundIssue]:
    """An id alone is one that is critical; or `id`, `severity` and what it is `about`."""
    name_of = form(reader, words.FINDING)

    def read(node: Node, name: str) -> FoundIssue | None:
        if isinstance(node, Scalar):
            found = name_of(node, name)
            return None if found is None else FoundIssue(found, "critical")
        fields = reader.fields(node, "a finding", words.FINDING_KEYS)
        return FoundIssue(
            fields.required("id", name_of, ""),
            fields.optional("severity", form(reader, words.SEVERITY), "critical"),
            fields.optional("about", text(reader, words.MAX_SENTENCE), ""),
        )

    return read


def _field(path: str, node: Node) -> Field:
    if isinstance(node, Sequence):
        return Field(path, "list", _json(node))
    if isinstance(node, Mapping):
        return Field(path, "object", _json(node))
    written = node.text if isinstance(node, Scalar) else ""
    if not isinstance(node, Scalar) or not node.plain:
        return Field(path, "text", written)
    if _NUMBER.fullmatch(written):
        return Field(path, "number", written)
    if written in ("true", "false"):
        return Field(path, "boolean", written)
    return Field(path, "null", "null") if other_meaning(written) == "nothing" else Field(path, "text", written)


def _json(node: Node) -> str:
    """Numbers as they are written: no binary fraction stands in for them."""
    if isinstance(node, Sequence):
        return f"[{','.join(map(_json, node.items))}]"
    if isinstance(node, Mapping):
        entries = sorted(node.entries, key=lambda entry: entry.key.text)
        return f"{{{','.join(f'{json.dumps(entry.key.text)}:{_json(entry.value)}' for entry in entries)}}}"
    if not isinstance(node, Scalar):
        return "null"
    field = _field("", node)
    return json.dumps(field.text, ensure_ascii=False) if field.kind == "text" else field.text
