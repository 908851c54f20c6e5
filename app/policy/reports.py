"""The fields of a report: what the case says, and for the rest what the rule asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import product

from app.policy.model import SECOND, DocumentSaid
from gates.comparisons import compare
from gates.model import Field
from gates.terms import EffectiveRule
from gates.words import LAST_WRITABLE
from manifests.located_yaml_scalars import parse_instant
from manifests.policy_terms import Comparison

LINEAGE = "lineage"
_STEPS = (-1, 0, 1)
_AN_HOUR = 3600


def types_of(rule: EffectiveRule | None) -> tuple[str, ...]:
    """The types of evidence that the rule asks for, in whatever way."""
    if rule is None:
        return ()
    more = {type for terms in rule.findings for type in terms.types} | {one.type for one in rule.requirements}
    more |= {type for seat in rule.seats for type in seat.shown if type != LINEAGE}
    return (*rule.evidence, *sorted(more - set(rule.evidence)))


def asks_lineage(rule: EffectiveRule | None) -> bool:
    return rule is not None and ("lineage" in rule.gates or any(LINEAGE in seat.shown for seat in rule.seats))


def fields_of(said: DocumentSaid, rule: EffectiveRule | None, at: int) -> tuple[Field, ...]:
    """Each field that is compared has a value that is in order, if there is one; what the case says stands."""
    asked: dict[str, list[Comparison]] = {}
    for requirement in rule.requirements if rule else ():
        if requirement.type == said.type.text:
            for comparison in requirement.comparisons:
                asked.setdefault(comparison.field, []).append(comparison)
    left = {path: those for path, those in asked.items() if path not in {field.path for field in said.fields}}
    made = (field for path, those in sorted(left.items()) if (field := _good(path, those, at)) is not None)
    return tuple(field for field in (*said.fields, *made) if field.path not in said.without)


def _good(path: str, asked: list[Comparison], at: int) -> Field | None:
    """A value that satisfies all comparisons; None where none was found."""
    for kind, text in _candidates(asked, at):
        field = Field(path, kind, text)  # type: ignore[arg-type]
        if not any(compare(one, (field,), at).trouble for one in asked):
            return field
    return None


def _candidates(asked: list[Comparison], at: int) -> Iterator[tuple[str, str]]:
    values = [value for one in asked for value in one.values]
    kinds = {one.kind for one in asked}
    if "number" in kinds:
        yield from (("text", found) for value, step in product(values, _STEPS) if (found := _beside(value, step)))
    if "age" in kinds:
        edges = (int(value) + step for value, step in product(values, _STEPS) if value.isascii() and value.isdigit())
        yield from (("text", _instant(at - age * SECOND)) for age in (_AN_HOUR, *edges))
    if "time" in kinds:
        moments = ((parse_instant(value), step) for value, step in product(values, _STEPS))
        yield from (("text", _instant(moment + step * SECOND)) for moment, step in moments if moment is not None)
    if "boolean" in kinds:
        yield from (("boolean", value) for value in ("true", "false"))
    if "text" in kinds:
        yield from (("text", value) for value in (*values, "something else"))
    if "set" in kinds:
        yield "list", _list(value for one in asked if one.operator == "includes" for value in one.values)


def _beside(value: str, step: int) -> str:
    """The same number with the same unit, or the whole number beside it."""
    number, _, unit = value.partition(" ")
    if step == 0:
        return value
    whole = number.partition(".")[0].partition("e")[0].partition("E")[0]
    try:
        return f"{int(whole) + step}{f' {unit}' if unit else ''}"
    except ValueError:
        return ""


def _instant(moment: int) -> str:
    seconds = min(max(moment, 0), LAST_WRITABLE) // SECOND
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _list(values: Iterable[str]) -> str:
    return json.dumps(sorted(set(values)), ensure_ascii=False, separators=(",", ":"))
