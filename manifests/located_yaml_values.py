"""Readers for the values that documents are made of: text, words, numbers, times, paths and lists of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from manifests import paths
from manifests.located_yaml import Node, Scalar, Sequence
from manifests.located_yaml_reader import Read, Reader, did_you_mean, shown
from manifests.located_yaml_scalars import FIRST_YEAR, LAST_YEAR, other_meaning, parse_duration, parse_instant

T = TypeVar("T")
L = TypeVar("L", bound=str)
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class Form(msgspec.Struct, frozen=True):
    """How a word must look. ``unambiguous`` forms may stand unquoted even where they look like a number."""

    pattern: re.Pattern[str]
    expected: str
    unambiguous: bool = False


def text(reader: Reader, limit: int, *, least: int = 1) -> Read[str]:
    """Free text of ``least`` to ``limit`` characters; unquoted numbers, booleans and dates are refused."""

    def read(node: Node, name: str) -> str | None:
        scalar = reader.scalar(node, name, "text")
        if scalar is None or not _is_text(reader, scalar, name):
            return None
        if not least <= len(scalar.text) <= limit:
            reader.refuse(
                node,
                "field.length",
                f"`{name}`: expected {least} to {limit} characters, found {len(scalar.text)}.",
                "Shorten it." if len(scalar.text) > limit else "Write it.",
            )
            return None
        return scalar.text

    return read


def _is_text(reader: Reader, scalar: Scalar, name: str) -> bool:
    meaning = other_meaning(scalar.text) if scalar.plain else None
    if meaning is None:
        return True
    reader.refuse(
        scalar,
        "yaml.unquoted",
        f"`{name}`: expected text, found {meaning}.",
        f'Put it in quotes: "{scalar.text[:60]}".',
    )
    return False


def form(reader: Reader, shape: Form) -> Read[str]:
    """A word of the given form."""

    def read(node: Node, name: str) -> str | None:
        scalar = reader.scalar(node, name, shape.expected)
        if scalar is None or not (shape.unambiguous or _is_text(reader, scalar, name)):
            return None
        if not shape.pattern.fullmatch(scalar.text):
            reader.wrong_form(scalar, name, shape.expected)
            return None
        return scalar.text

    return read


def choice(reader: Reader, options: tuple[L, ...]) -> Read[L]:
    """One of the given words."""

    def read(node: Node, name: str) -> L | None:
        scalar = reader.scalar(node, name, "one of " + ", ".join(options))
        if scalar is None:
            return None
        for option in options:
            if option == scalar.text:
                return option
        reader.refuse(
            node,
            "field.choice",
            f"`{name}`: expected one of {', '.join(options)}, found {shown(scalar.text)}.",
            did_you_mean(scalar.text, options),
        )
        return None

    return read


_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,15}")


def integer(reader: Reader, low: int, high: int) -> Read[int]:
    """A whole number from ``low`` to ``high``, in decimal digits and without quotes."""

    def read(node: Node, name: str) -> int | None:
        expected = f"a whole number from {low} to {high}"
        scalar = reader.scalar(node, name, expected)
        if scalar is None:
            return None
        if not scalar.plain:
            reader.wrong_form(scalar, name, expected, "Remove the quotes.")
        elif not _INTEGER.fullmatch(scalar.text) or not low <= int(scalar.text) <= high:
            reader.wrong_form(scalar, name, expected)
        else:
            return int(scalar.text)
        return None

    return read


def boolean(reader: Reader) -> Read[bool]:
    """``true`` or ``false``, without quotes; ``yes``, ``on`` and other spellings are refused."""

    def read(node: Node, name: str) -> bool | None:
        scalar = reader.scalar(node, name, "true or false")
        if scalar is None:
            return None
        if not scalar.plain or scalar.text not in ("true", "false"):
            reader.wrong_form(scalar, name, "true or false without quotes")
            return None
        return scalar.text == "true"

    return read


def _lasting(seconds: int) -> str:
    """As one would write it: ``4h``, ``30d``."""
    size, unit = next(((size, unit) for size, unit in _SPANS if seconds and seconds % size == 0), (1, "s"))
    return f"{seconds // size}{unit}"


def duration(reader: Reader, low: int, high: int) -> Read[int]:
    """Seconds, written as a whole number and s, m, h or d."""

    def read(node: Node, name: str) -> int | None:
        expected = f"a time like 45s, 30m, 72h or 7d, from {_lasting(low)} to {_lasting(high)}"
        scalar = reader.scalar(node, name, expected)
        if scalar is None:
            return None
        seconds = parse_duration(scalar.text)
        if seconds is None or not low <= seconds <= high:
            reader.wrong_form(scalar, name, expected)
            return None
        return seconds

    return read


def instant(reader: Reader) -> Read[int]:
    """Microseconds since 1970 UTC of an RFC 3339 date-time with its zone."""

    def read(node: Node, name: str) -> int | None:
        expected = f"a time like 2026-12-01T18:00:00Z with its zone, in the years {FIRST_YEAR} to {LAST_YEAR - 1}"
        scalar = reader.scalar(node, name, expected)
        if scalar is None:
            return None
        moment = parse_instant(scalar.text)
        if moment is None:
            reader.wrong_form(scalar, name, expected)
        return moment

    return read


def many(
    reader: Reader,
    read_one: Read[T],
    *,
    least: int = 0,
    most: int | None = None,
    unique: Callable[[T], Any] | None = None,
) -> Read[tuple[T, ...]]:
    """A list of ``least`` to ``most`` values, of which no two have the same ``unique`` key."""

    def read(node: Node, name: str) -> tuple[T, ...] | None:
        items = reader.items(node, name)
        if most is not None and len(items) > most:
            reader.refuse(
                node,
                "field.length",
                f"`{name}`: expected at most {most} in the list, found {len(items)}.",
                "Remove those that are not needed.",
            )
            return None
        if isinstance(node, Sequence) and len(items) < least:
            reader.refuse(
                node,
                "field.length",
                f"`{name}`: expected at least {least} in the list, found {len(items)}.",
                "Add one, or leave the key out if it is optional.",
            )
        return _all_of(reader, items, name, read_one, unique)

    return read


def one_or_many(
    reader: Reader, read_one: Read[T], *, unique: Callable[[T], Any] = lambda value: value
) -> Read[tuple[T, ...]]:
    """One value, or a list of at least one, each once: an empty list could be read as all or as none."""
    read_list = many(reader, read_one, least=1, unique=unique)

    def read(node: Node, name: str) -> tuple[T, ...] | None:
        if isinstance(node, Sequence):
            return read_list(node, name)
        value = read_one(node, name)
        return None if value is None else (value,)

    return read


def _all_of(
    reader: Reader, items: tuple[Node, ...], name: str, read_one: Read[T], unique: Callable[[T], Any] | None
) -> tuple[T, ...]:
    found = [(item, value) for item in items if (value := read_one(item, name)) is not None]
    if unique is not None:
        reader.duplicates(((item, unique(value)) for item, value in found), name)
    return tuple(value for _, value in found)


def file_path(reader: Reader, manifest_path: str) -> Read[str]:
    """A path relative to the manifest's folder, as written (see ``paths.resolve``)."""

    def read(node: Node, name: str) -> str | None:
        scalar = reader.scalar(node, name, "the path of a file")
        if scalar is None or not _is_text(reader, scalar, name):
            return None
        try:
            paths.resolve(manifest_path, scalar.text)
        except paths.PathError as error:
            reader.refuse(node, "field.path", f"`{name}`: {error.reason}", error.remedy)
            return None
        return scalar.text

    return read
