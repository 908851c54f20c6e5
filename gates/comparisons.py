"""What a field of a report has to be, compared exactly: decimal fractions, never binary ones.

A field that is missing, there twice, or not what it is compared as never satisfies anything, not even ``none-of``
or ``!=``: what is not known is not known to be something else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor

import msgspec

from gates import fields
from gates.model import Field
from gates.words import LAST_WRITABLE, SECOND, listing, span
from manifests.measures import Measure, parse_measure
from manifests.policy_terms import Comparison, Operator

_ORDER: dict[Operator, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_WORDS: dict[str, str] = {
    "<": "less than",
    "<=": "at most",
    "!=": "anything but",
    ">=": "at least",
    ">": "more than",
    "one-of": "one of",
    "none-of": "none of",
    "includes": "all of",
    "excludes": "none of",
}
_TIMES: dict[str, str] = {**_WORDS, "<": "before", "<=": "at or before", ">=": "at or after", ">": "after"}
_MOST = 80
_BROKEN = "the policy's own comparison cannot be read"


class Judgement(msgspec.Struct, frozen=True):
    """Why a comparison does not hold, as a sentence without its full stop; empty when it does. ``changes_at`` are
    instants (microseconds) at which the clock alone changes that."""

    trouble: str = ""
    changes_at: tuple[int, ...] = ()


def compare(comparison: Comparison, found: Sequence[Field], at: int) -> Judgement:
    """Judge the one field that ``comparison`` is about, at the instant ``at`` (microseconds since 1970 UTC)."""
    named = {(field.kind, field.text) for field in found if field.path == comparison.field}
    if not named:
        return Judgement(f"{comparison.field} is missing, and {_asked(comparison)} is asked for")
    if len(named) > 1:
        return Judgement(f"{comparison.field} is there more than once, and {_asked(comparison)} is asked for")
    kind, text = named.pop()
    judge = _KINDS.get(comparison.kind, _unknown)
    return judge(comparison, Field(comparison.field, kind, text), at)


def _number(comparison: Comparison, field: Field, at: int) -> Judgement:
    holds, asked = _ORDER.get(comparison.operator), _measure_asked(comparison)
    if holds is None or asked is None:
        return _broken(comparison)
    measure = fields.measure(field)
    if measure is None:
        return _not(comparison, field, "a number with a known unit or none")
    if measure.dimension != asked.dimension:
        return Judgement(
            f"{_is(field)}, {_dimension(measure)}, and {_asked(comparison)}, {_dimension(asked)}, is asked for"
        )
    return Judgement() if holds(measure.value, asked.value) else _other(comparison, field)


def _age(comparison: Comparison, field: Field, at: int) -> Judgement:
    holds, asked = _ORDER.get(comparison.operator), _measure_asked(comparison)
    if holds is None or asked is None or asked.dimension != "number":
        return _broken(comparison)
    since = fields.moment(field)
    if since is None:
        return _not(comparison, field, "an instant")
    if since > at:
        still = f"{_is(field)}, which is still to come, and {_asked(comparison)} is asked for"
        return Judgement(still, _writable(ceil(since)))
    age, limit = at - since, asked.value * SECOND
    first, after = ceil(since + limit), floor(since + limit) + 1
    turns = {"<": (first,), ">=": (first,), "<=": (after,), ">": (after,)}.get(comparison.operator, (first, after))
    trouble = "" if holds(age, limit) else f"{_is(field)}, and {_asked(comparison)} is asked for"
    return Judgement(trouble, _writable(*turns))


def _time(comparison: Comparison, field: Field, at: int) -> Judgement:
    holds, value = _ORDER.get(comparison.operator), _only(comparison)
    asked = fields.moment(Field("", "text", value)) if value is not None else None
    if holds is None or asked is None:
        return _broken(comparison)
    since = fields.moment(field)
    if since is None:
        return _not(comparison, field, "an instant")
    return Judgement() if holds(since, asked) else _other(comparison, field)


def _text(comparison: Comparison, field: Field, at: int) -> Judgement:
    if comparison.operator not in ("one-of", "none-of") or not comparison.values:
        return _broken(comparison)
    if field.kind != "text":
        return _not(comparison, field, "text")
    holds = (field.text in comparison.values) is (comparison.operator == "one-of")
    return Judgement() if holds else _other(comparison, field)


def _set(comparison: Comparison, field: Field, at: int) -> Judgement:
    if comparison.operator not in ("includes", "excludes") or not comparison.values:
        return _broken(comparison)
    words = fields.words(field)
    if words is None:
        return _not(comparison, field, "a list of text")
    asked = frozenset(comparison.values)
    holds = asked <= words if comparison.operator == "includes" else asked.isdisjoint(words)
    return Judgement() if holds else _other(comparison, field)


def _boolean(comparison: Comparison, field: Field, at: int) -> Judgement:
    value = _only(comparison)
    if comparison.operator not in ("is", "=") or value not in ("true", "false"):
        return _broken(comparison)
    if field.kind != "boolean" or field.text not in ("true", "false"):
        return _not(comparison, field, "true or false")
    return Judgement() if field.text == value else _other(comparison, field)


def _unknown(comparison: Comparison, field: Field, at: int) -> Judgement:
    return _broken(comparison)


_KINDS: dict[str, Callable[[Comparison, Field, int], Judgement]] = {
    "number": _number,
    "age": _age,
    "time": _time,
    "text": _text,
    "set": _set,
    "boolean": _boolean,
}


def _only(comparison: Comparison) -> str | None:
    return comparison.values[0] if len(comparison.values) == 1 else None


def _measure_asked(comparison: Comparison) -> Measure | None:
    value = _only(comparison)
    return parse_measure(value) if value is not None else None


def _writable(*moments: int) -> tuple[int, ...]:
    return tuple(moment for moment in moments if 0 <= moment <= LAST_WRITABLE)


def _dimension(measure: Measure) -> str:
    return "which has no unit" if measure.dimension == "number" else f"a measure of {measure.dimension}"


def _broken(comparison: Comparison) -> Judgement:
    return Judgement(f"{comparison.field} cannot be compared: {_BROKEN} ({_asked(comparison)})")


def _not(comparison: Comparison, field: Field, what: str) -> Judgement:
    return Judgement(f"{_is(field)}, which is not {what}, and {_asked(comparison)} is asked for")


def _other(comparison: Comparison, field: Field) -> Judgement:
    return Judgement(f"{_is(field)}, and {_asked(comparison)} is asked for")


def _is(field: Field) -> str:
    text = field.text if len(field.text) <= _MOST else f"{field.text[:_MOST]}…"
    return f"{field.path} is {text or 'empty'}"


def _asked(comparison: Comparison) -> str:
    values = [value if len(value) <= _MOST else f"{value[:_MOST]}…" for value in sorted(comparison.values)]
    if comparison.kind == "age":
        values = [_seconds(value) for value in values]
    said = listing(values, "or" if comparison.operator == "one-of" else "and") or "nothing"
    words = _TIMES if comparison.kind == "time" else _WORDS
    before = words.get(comparison.operator, "")
    return f"{'an age of ' if comparison.kind == 'age' else ''}{before}{' ' if before else ''}{said}"


def _seconds(text: str) -> str:
    return span(int(text)) if text.isascii() and text.isdigit() else f"{text} seconds"
