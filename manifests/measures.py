"""Numbers with a unit, exactly: no binary fractions, so that 0.1 % is 0.1 %."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

import msgspec

Dimension = Literal["number", "time", "bytes", "ratio"]

MAX_LENGTH = 64
UNITS: dict[str, tuple[Dimension, Fraction]] = {
    "ns": ("time", Fraction(1, 10**9)),
    "us": ("time", Fraction(1, 10**6)),
    "ms": ("time", Fraction(1, 1000)),
    "s": ("time", Fraction(1)),
    "min": ("time", Fraction(60)),
    "h": ("time", Fraction(3600)),
    "d": ("time", Fraction(86_400)),
    "B": ("bytes", Fraction(1)),
    "kB": ("bytes", Fraction(10**3)),
    "MB": ("bytes", Fraction(10**6)),
    "GB": ("bytes", Fraction(10**9)),
    "TB": ("bytes", Fraction(10**12)),
    "KiB": ("bytes", Fraction(2**10)),
    "MiB": ("bytes", Fraction(2**20)),
    "GiB": ("bytes", Fraction(2**30)),
    "%": ("ratio", Fraction(1, 100)),
    "‰": ("ratio", Fraction(1, 1000)),
    "bp": ("ratio", Fraction(1, 10_000)),
}
"""Unit → what it measures, and how many seconds, bytes or ones it is. The list is closed."""

# An exponent of three digits and more would let a short text ask for a number of any size.
_MEASURE = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?)(?: ?([A-Za-z%‰]{1,3}))?")


class Measure(msgspec.Struct, frozen=True):
    """``value`` in seconds, bytes or ones. A number without a unit is a ``number``: it is not known to be a ratio,
    and only measures of the same dimension can be compared."""

    value: Fraction
    dimension: Dimension


def parse_measure(text: str) -> Measure | None:
    """``0.6 %``, ``250 ms``, ``1e-3`` or ``12``, or None. A decimal number, and at most one blank before its unit."""
    match = _MEASURE.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    number, unit = match.groups()
    if unit is None:
        return Measure(Fraction(number), "number")
    if unit not in UNITS:
        return None
    dimension, factor = UNITS[unit]
    return Measure(Fraction(number) * factor, dimension)
