"""JSON in which every reader must see the same thing (RFC 8259 tightened the way I-JSON, RFC 7493, does).

Refused: duplicate keys, NaN and Infinity, numbers that overflow, lone surrogates, a byte order mark,
nesting deeper than ``MAX_DEPTH`` and more bytes than the caller allows.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeAlias, TypeVar

import msgspec

from manifests.errors import ManifestError, Problem
from manifests.refusal import refusal

MAX_DEPTH = 64
MAX_BYTES = 4 * 1024 * 1024

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
T = TypeVar("T")


def decode(data: bytes, *, limit: int = MAX_BYTES) -> JsonValue:
    """The value in ``data`` (UTF-8, at most ``limit`` bytes). Raises ManifestError for what is refused."""
    if len(data) > limit:
        raise refusal(
            "json.size",
            f"expected at most {limit} bytes of JSON, found {len(data)}.",
            "Split the document or refer to large parts by digest.",
        )
    try:
        value: JsonValue = _decoder.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise refusal(
            "json.encoding",
            f"expected UTF-8, found byte 0x{data[error.start]:02x} at offset {error.start}.",
            "Save the document as UTF-8.",
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError as error:
        problem = Problem(
            "json.syntax",
            f"expected JSON, found: {error.msg}.",
            "Correct the syntax.",
            line=error.lineno,
            column=error.colno,
        )
        raise ManifestError((problem,)) from error
    except ManifestError:
        raise
    except ValueError as error:
        raise refusal("json.number", f"expected a readable number, found: {error}.", "Shorten it.") from error
    _check(value, MAX_DEPTH)
    return value


def read(data: bytes, type_: type[T], what: str, *, limit: int = MAX_BYTES) -> T:
    """``data`` decoded strictly and converted to ``type_``; ``what`` names the document in errors."""
    return convert(decode(data, limit=limit), type_, what)


def convert(value: object, type_: type[T], what: str) -> T:
    """A decoded value as ``type_`` without any coercion. Raises ManifestError with the path of the misfit."""
    try:
        return msgspec.convert(value, type_, strict=True)
    except msgspec.ValidationError as error:
        raise refusal(
            "json.shape", f"{what}: {error}.", f"Correct the field named there; see the schema of {what}."
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise refusal(
            "json.duplicate_key",
            f"expected each key once, found {', '.join(map(repr, twice))} more than once in one object.",
            "Keep one of them.",
        )
    return found


def _constant(name: str) -> NoReturn:
    raise refusal("json.number", f"expected a finite number, found {name}.", "Write it as text or leave it out.")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _constant(text[:40])
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def _check(value: JsonValue, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list | dict):
        if depth == 0:
            raise _too_deep()
        if isinstance(value, dict):
            for key in value:
                _check_text(key)
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth - 1)


def _check_text(text: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise refusal(
            "json.surrogate",
            "expected Unicode text, found half of a surrogate pair.",
            "Write the whole character.",
        )


def _too_deep() -> ManifestError:
    return refusal("json.depth", f"expected at most {MAX_DEPTH} levels of nesting, found more.", "Flatten it.")
