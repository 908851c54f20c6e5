"""Single values of a report's predicate, exactly as they are written: numbers keep their digits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

Kind = Literal["number", "text", "boolean", "list", "object", "null"]
MAX_CHARACTERS = 100_000


class Value(msgspec.Struct, frozen=True):
    """``text`` is a number's literal, a text itself, ``true`` or ``false``, or JSON without blanks."""

    path: str
    kind: Kind
    text: str


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def values_at(payload: bytes, paths: Iterable[str]) -> tuple[Value, ...]:
    """What stands at these dotted paths of the predicate (``metrics.breach_rate``; ``runs.0.score`` counts from 0);
    a path at which nothing stands, or something too long to compare, is left out. ``payload`` is a statement that was
    read before."""
    wanted = sorted(set(paths))
    if not wanted:
        return ()
    predicate = json.loads(payload, parse_int=_Number, parse_float=_Number).get("predicate")
    return tuple(value for path in wanted for value in _at(predicate, path))


def _at(value: Any, path: str) -> Iterator[Value]:
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return
    kind, text = _told(value)
    if len(text) <= MAX_CHARACTERS:
        yield Value(path, kind, text)


def _told(value: Any) -> tuple[Kind, str]:
    if isinstance(value, _Number):
        return "number", str(value)
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if value is None:
        return "null", "null"
    return ("list" if isinstance(value, list) else "object"), _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        members = (f"{json.dumps(name, ensure_ascii=False)}:{_json(value[name])}" for name in sorted(value))
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
