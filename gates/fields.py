"""What a field of a report says, read exactly: a measure, an instant, words; None where it says none."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any, NoReturn

from gates.model import Field
from gates.words import LAST_WRITABLE, SECOND
from manifests.located_yaml_scalars import parse_instant
from manifests.measures import Measure, parse_measure

MAX_CHARACTERS = 100_000
"""A longer list or object is not read."""

_EPOCH_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}")
_FRACTION = re.compile(r"([^.]{19})(?:\.([0-9]{1,12}))?([^.]{1,6})")


def measure(field: Field) -> Measure | None:
    """A number (``12``), a text (``250 ms``), or an object of ``value`` and ``unit`` and nothing else."""
    if field.kind in ("number", "text"):
        found = parse_measure(field.text)
        return found if field.kind == "text" or (found and found.dimension == "number") else None
    said = _json(field) if field.kind == "object" else None
    if not isinstance(said, dict) or set(said) != {"value", "unit"}:
        return None
    value, unit = said["value"], said["unit"]
    if not isinstance(value, str) or not isinstance(unit, str):
        return None
    return parse_measure(f"{value} {unit}" if unit else value)


def moment(field: Field) -> Fraction | None:
    """Microseconds since 1970 UTC of an RFC 3339 text, or of a number of whole seconds since 1970."""
    if field.kind == "number":
        found = int(field.text) * SECOND if _EPOCH_SECONDS.fullmatch(field.text) else None
        return Fraction(found) if found is not None and found <= LAST_WRITABLE else None
    match = _FRACTION.fullmatch(field.text) if field.kind == "text" else None
    if match is None:
        return None
    whole = parse_instant(match.group(1) + match.group(3))
    return None if whole is None else whole + Fraction(f"0.{match.group(2) or 0}") * SECOND


def words(field: Field) -> frozenset[str] | None:
    """The texts of a list that holds nothing else."""
    said = _json(field) if field.kind == "list" else None
    if not isinstance(said, list) or not all(type(item) is str for item in said):
        return None
    return frozenset(said)


class _Digits(str):
    """A number as it is written, and no text."""

    __slots__ = ()


def _json(field: Field) -> Any:
    if len(field.text) > MAX_CHARACTERS:
        return None
    try:
        return _decoder.decode(field.text)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_Digits, parse_int=_Digits)
