"""Numbers with units are compared exactly, and nothing else is taken for one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.measures import MAX_LENGTH, UNITS, Measure, parse_measure


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("12", Fraction(12), "number"),
        ("-0.25", Fraction(-1, 4), "number"),
        ("1e-3", Fraction(1, 1000), "number"),
        ("2.5E+2", Fraction(250), "number"),
        ("0.6 %", Fraction(6, 1000), "ratio"),
        ("0.6%", Fraction(6, 1000), "ratio"),
        ("3 ‰", Fraction(3, 1000), "ratio"),
        ("25 bp", Fraction(25, 10_000), "ratio"),
        ("250 ms", Fraction(1, 4), "time"),
        ("1 us", Fraction(1, 1_000_000), "time"),
        ("7 ns", Fraction(7, 10**9), "time"),
        ("2 min", Fraction(120), "time"),
        ("1.5 h", Fraction(5400), "time"),
        ("1 d", Fraction(86_400), "time"),
        ("1 kB", Fraction(1000), "bytes"),
        ("1 KiB", Fraction(1024), "bytes"),
        ("2 GiB", Fraction(2**31), "bytes"),
        ("2 TB", Fraction(2 * 10**12), "bytes"),
    ],
)
def test_a_measure_is_an_exact_number_of_its_dimension(text: str, value: Fraction, dimension: str) -> None:
    found = parse_measure(text)
    assert found is not None
    assert (found.value, found.dimension) == (value, dimension)


@pytest.mark.parametrize(
    "text",
    ["", " ", "%", "1  %", " 1 %", "1 % ", "1 KB", "1 S", "1 m", "1 percent", "1,5 %", "1/2", "1.", ".5", "0x10",
     "1_000", "nan", "inf", "1e100", "1e1000000000", "１ %", "1\n", "1\u00a0%", "1 % %", "9" * (MAX_LENGTH + 1)],
)  # fmt: skip
def test_what_is_not_a_measure_is_none(text: str) -> None:
    assert parse_measure(text) is None


def test_a_bare_number_is_not_a_ratio() -> None:
    assert parse_measure("0.01") != parse_measure("1 %")


@given(st.text(max_size=MAX_LENGTH + 2))
def test_any_text_is_read_or_none(text: str) -> None:
    parse_measure(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=6))
def test_units_scale_what_they_stand_behind(number: object) -> None:
    plain = parse_measure(f"{number:f}")
    assert plain is not None
    for unit, (dimension, factor) in UNITS.items():
        assert parse_measure(f"{number:f} {unit}") == Measure(plain.value * factor, dimension)
