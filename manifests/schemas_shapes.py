"""Pieces that JSON Schemas are put together from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from manifests.located_yaml_values import Form

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DURATION: Schema = {
    "type": "string",
    "pattern": "^(0|[1-9][0-9]{0,6})[smhd]$",
    "description": "a time such as 45s, 30m, 72h or 7d",
}
INSTANT: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$",
    "description": "a time with its zone, such as 2026-12-01T18:00:00Z",
}


def document(title: str, schema: str, body: Schema) -> Schema:
    """A whole document of the named Countersign schema."""
    return {"$schema": DIALECT, "$id": f"urn:{schema.replace('/', ':')}", "title": title, **body}


def table(properties: Mapping[str, Schema], required: Iterable[str] = (), description: str = "") -> Schema:
    """A mapping with these keys and no others."""
    shape: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return _described({**shape, "required": list(required)}, description)


def named(form: Form, values: Schema, description: str = "") -> Schema:
    """A mapping whose keys are the author's own words of the given form."""
    shape: Schema = {"type": "object", "additionalProperties": False}
    return _described({**shape, "patternProperties": {_pattern(form): values}}, description)


def word(form: Form, description: str = "") -> Schema:
    return {"type": "string", "pattern": _pattern(form), "description": description or form.expected}


def line(limit: int, description: str = "", *, least: int = 1) -> Schema:
    return _described({"type": "string", "minLength": least, "maxLength": limit}, description)


def choice(options: Iterable[str], description: str = "") -> Schema:
    return _described({"enum": list(options)}, description)


def whole(low: int, high: int, description: str = "") -> Schema:
    return _described({"type": "integer", "minimum": low, "maximum": high}, description)


def many(items: Schema, description: str = "", *, least: int = 0, most: int | None = None) -> Schema:
    bound = {} if most is None else {"maxItems": most}
    return _described({"type": "array", "minItems": least, **bound, "items": items}, description)


def one_or_many(item: Schema, description: str = "") -> Schema:
    return _described({"anyOf": [item, many(item, least=1)]}, description)


def _pattern(form: Form) -> str:
    return f"^(?:{form.pattern.pattern})$"


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
