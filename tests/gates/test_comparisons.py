"""Fields of reports are compared exactly, and what cannot be read never satisfies anything."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.comparisons import compare
from gates.model import Field
from manifests.policy_terms import Comparison
from tests.gates.arbitrary import anything
from tests.gates.builders import DAY, HOUR, NOW, SECOND

A_DAY = "86400"


def field(kind: Any, text: str) -> tuple[Field, ...]:
    return (Field("m", kind, text),)


def asked(kind: Any, operator: Any, *values: str) -> Comparison:
    return Comparison("m", kind, operator, values)


AT_MOST = asked("number", "<=", "0.6 %")
PLAIN = asked("number", "<", "0.3")
RECENT = asked("age", "<=", A_DAY)
BEFORE = asked("time", "<", "2026-11-20T18:00:00Z")
NOT_OPEN = asked("text", "none-of", "open", "draft")
HAS = asked("set", "includes", "linux", "gpu")
LACKS = asked("set", "excludes", "gpl")
SIGNED = asked("boolean", "is", "true")

HOLDS = (
    ("a lesser ratio", AT_MOST, field("text", "0.4 %")),
    ("the same ratio in another unit", AT_MOST, field("text", "60 bp")),
    ("an object of value and unit", AT_MOST, field("object", '{"unit":"%","value":0.6}')),
    ("an object whose value is text", AT_MOST, field("object", '{"unit":"bp","value":"60"}')),
    ("an object without unit", PLAIN, field("object", '{"unit":"","value":0.1}')),
    ("exactly less", PLAIN, field("number", "0.29999999999999999999999")),
    ("a sum that binary fractions get wrong", asked("number", "=", "0.3"), field("number", "0.30")),
    ("another time unit", asked("number", ">=", "250 ms"), field("text", "0.25 s")),
    ("something else", asked("number", "!=", "1"), field("number", "2")),
    ("a day old", RECENT, field("text", "2026-11-19T18:00:00Z")),
    ("in another zone", RECENT, field("text", "2026-11-19T20:00:00+02:00")),
    ("seconds since 1970", RECENT, field("number", str((NOW - HOUR) // SECOND))),
    ("to the nanosecond", RECENT, field("text", "2026-11-19T18:00:00.000000001Z")),
    ("old enough", asked("age", ">=", A_DAY), field("text", "2026-11-19T18:00:00Z")),
    ("before", BEFORE, field("text", "2026-11-20T17:59:59.999999999Z")),
    ("one of", asked("text", "one-of", "eu", "us"), field("text", "eu")),
    ("none of", NOT_OPEN, field("text", "closed")),
    ("all of", HAS, field("list", '["gpu","linux","x"]')),
    ("not in the list", LACKS, field("list", '["mit"]')),
    ("nothing in the list", LACKS, field("list", "[]")),
    ("true", SIGNED, field("boolean", "true")),
    ("the same twice", SIGNED, field("boolean", "true") * 2),
)

FAILS = (
    ("a greater ratio", AT_MOST, field("text", "1.4 %"), "m is 1.4 %, and at most 0.6 % is asked for"),
    ("greater by a hair", AT_MOST, field("text", "0.60000000000000000001 %"), "at most 0.6 %"),
    ("a number that may be no ratio", AT_MOST, field("number", "0.004"), "0.004, which has no unit, and at most 0.6 %"),
    ("a ratio where a number is asked for", PLAIN, field("text", "1 %"), "a measure of ratio, and less than 0.3, whic"),
    ("a time for a ratio", AT_MOST, field("text", "1 ms"), "a measure of time, and at most 0.6 %, a measure of ratio"),
    ("an unknown unit", AT_MOST, field("text", "1 furlong"), "is not a number with a known unit"),
    ("not a number", PLAIN, field("text", "none"), "not a number"),
    ("a number with a unit", PLAIN, field("number", "0.1 %"), "not a number"),
    ("infinity", PLAIN, field("number", "-Infinity"), "not a number"),
    ("null", PLAIN, field("null", "null"), "not a number"),
    ("true for a number", PLAIN, field("boolean", "true"), "not a number"),
    ("an object with more in it", AT_MOST, field("object", '{"note":"","unit":"%","value":0.1}'), "not a number"),
    ("an object that is none", AT_MOST, field("object", "[]"), "not a number"),
    ("an object with a list in it", AT_MOST, field("object", '{"unit":"%","value":[1]}'), "not a number"),
    ("an object that says it twice", AT_MOST, field("object", '{"unit":"%","unit":"%","value":1}'), "not a number"),
    ("nesting without end", AT_MOST, field("object", "[" * 90_000), "not a number"),
    ("an exponent without end", PLAIN, field("number", "1e-999999999"), "not a number"),
    ("missing", AT_MOST, (), "m is missing, and at most 0.6 % is asked for"),
    ("another field", AT_MOST, (Field("n", "text", "0.1 %"),), "m is missing"),
    ("there twice", AT_MOST, field("text", "0.1 %") + field("text", "0.2 %"), "m is there more than once"),
    ("too old", RECENT, field("text", "2026-11-19T17:59:59.999999999Z"), "an age of at most 24 hours is asked for"),
    ("still to come", RECENT, field("text", "2026-11-20T18:00:01Z"), "which is still to come"),
    ("microseconds since 1970", asked("age", ">", "1"), field("number", str(NOW)), "not an instant"),
    ("no zone", RECENT, field("text", "2026-11-20T17:00:00"), "which is not an instant"),
    ("a day that does not exist", RECENT, field("text", "2026-02-30T17:00:00Z"), "which is not an instant"),
    ("half seconds since 1970", RECENT, field("number", "1795190000.5"), "which is not an instant"),
    ("seconds as text", RECENT, field("text", "1795190000"), "which is not an instant"),
    ("at the instant itself", BEFORE, field("text", "2026-11-20T18:00:00Z"), "before 2026-11-20T18:00:00Z is asked"),
    ("no instant", BEFORE, field("text", "soon"), "which is not an instant"),
    ("not one of", asked("text", "one-of", "eu", "us"), field("text", "cn"), "m is cn, and one of eu or us is asked"),
    ("another case", asked("text", "one-of", "eu"), field("text", "EU"), "one of eu"),
    ("one of those", NOT_OPEN, field("text", "open"), "m is open, and none of draft and open is asked for"),
    ("unknown is not none of them", NOT_OPEN, (), "m is missing"),
    ("null is not none of them", NOT_OPEN, field("null", "null"), "which is not text"),
    ("a number is not none of them", NOT_OPEN, field("number", "1"), "which is not text"),
    ("one of two", HAS, field("list", '["gpu"]'), "all of gpu and linux is asked for"),
    ("a list of numbers", LACKS, field("list", "[1]"), "which is not a list of text"),
    ("a text that looks like a list", LACKS, field("text", "[]"), "which is not a list of text"),
    ("a list cut off", LACKS, field("list", '["mit"'), "which is not a list of text"),
    ("in the list", LACKS, field("list", '["gpl","mit"]'), "none of gpl is asked for"),
    ("false", SIGNED, field("boolean", "false"), "m is false, and true is asked for"),
    ("the text true", SIGNED, field("text", "true"), "which is not true or false"),
    (
        "two numbers in the policy",
        asked("number", "<", "1", "2"),
        field("number", "0"),
        "own comparison cannot be read",
    ),
    ("an operator of another kind", asked("number", "one-of", "1"), field("number", "1"), "cannot be read"),
    ("no values in the policy", asked("text", "none-of"), field("text", "x"), "cannot be read"),
    ("a kind of another version", asked("colour", "=", "red"), field("text", "red"), "cannot be read"),
    ("an age with a unit", asked("age", "<", "1 d"), field("text", "2026-11-20T17:00:00Z"), "cannot be read"),
)


@pytest.mark.parametrize(("comparison", "found"), [row[1:] for row in HOLDS], ids=[row[0] for row in HOLDS])
def test_what_is_asked_for_holds(comparison: Comparison, found: tuple[Field, ...]) -> None:
    assert compare(comparison, found, NOW).trouble == ""


@pytest.mark.parametrize(("comparison", "found", "says"), [row[1:] for row in FAILS], ids=[row[0] for row in FAILS])
def test_what_is_not_so_is_said(comparison: Comparison, found: tuple[Field, ...], says: str) -> None:
    assert says in compare(comparison, found, NOW).trouble


@pytest.mark.parametrize(
    ("comparison", "text", "moments"),
    [
        (RECENT, "2026-11-20T17:00:00Z", (NOW - HOUR + DAY + 1,)),
        (asked("age", "<", A_DAY), "2026-11-20T17:00:00Z", (NOW - HOUR + DAY,)),
        (asked("age", ">", A_DAY), "2026-11-20T17:00:00Z", (NOW - HOUR + DAY + 1,)),
        (RECENT, "2026-11-20T18:00:00.0000005Z", (NOW + 1,)),
        (asked("age", "<=", "9" * 20), "2026-11-20T17:00:00Z", ()),
        (AT_MOST, "0.1 %", ()),
    ],
)
def test_an_age_says_when_it_changes(comparison: Comparison, text: str, moments: tuple[int, ...]) -> None:
    assert compare(comparison, field("text", text), NOW).changes_at == moments


@given(st.integers(NOW - 2 * DAY, NOW + DAY), st.sampled_from(["<", "<=", "=", "!=", ">=", ">"]))
def test_an_age_changes_at_no_other_instant(at: int, operator: Any) -> None:
    comparison, found = asked("age", operator, "3600"), field("text", "2026-11-20T17:30:00.5Z")
    now, next_moments = compare(comparison, found, at), [m for m in compare(comparison, found, at).changes_at if m > at]
    until = min(next_moments, default=NOW + 9 * DAY)
    for moment in (until - 1, until):
        same = bool(compare(comparison, found, moment).trouble) == bool(now.trouble)
        assert same or moment == until


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12), st.decimals(-9, 9, places=12))
def test_numbers_are_compared_exactly(found: Decimal, limit: Decimal) -> None:
    holds = compare(asked("number", "<", f"{limit:f}"), field("number", f"{found:f}"), NOW).trouble == ""
    assert holds is (Fraction(found) < Fraction(limit))


@given(anything(Comparison), anything(tuple[Field, ...]), st.integers())
def test_any_comparison_of_any_fields_is_judged(comparison: Comparison, found: tuple[Field, ...], at: int) -> None:
    judged = compare(comparison, found, at)
    assert judged.trouble or any(one.path == comparison.field for one in found)
