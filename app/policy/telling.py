"""Simulations and comparisons for a terminal: what changes first, then why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from app.policy.difference import Change
from app.policy.requests import Compared, Comparison, Simulated, Simulation
from app.policy.trees import Difference, Node
from gates import render
from gates.model import Question, Status
from gates.words import count, listing
from manifests.command_text import storable

_SYMBOLS: dict[Status, str] = {"pass": "✅", "waived": "☑️", "wait": "⏳", "fail": "❌", "error": "❌"}
_DOING: dict[Question, str] = {"merge": "merging", "deploy": "deploying"}
_MOST = 30
_NAMING = ("group", "type", "field", "name")
"""Keys that say which part of a policy it is."""


def simulation(found: Simulation) -> str:
    lines = [f"{found.repository}#{found.pull_number} {found.path}, asked at {found.then}"]
    lines += _policy(found.policy)
    for one in found.simulated:
        lines += case(one)
    return "\n".join(lines)


def case(found: Simulated) -> list[str]:
    """One environment: the outcome, what changes, what was assumed, and both trees."""
    before, after = found.before, found.after
    doing = f"{found.environment}, {_DOING[before.question]}"
    became = f"{before.outcome} → {after.outcome}" if before.outcome != after.outcome else f"{before.outcome}, as now"
    lines = ["", f"{doing}: {became}"]
    lines += _differences(found.differences) or ["  Nothing changes."]
    lines += ["Assumed:", *(f"  - {_line(one)}" for one in found.assumptions)] if found.assumptions else []
    now, then = render.text(before), render.text(after)
    if now == then:
        return [*lines, "Now and then:", *_indented(now)]
    return [*lines, "Now:", *_indented(now), "Then:", *_indented(then)]


def compared(found: Sequence[Compared], whole: Comparison, policy: Sequence[Change]) -> str:
    changed = [one for one in found if one.before != one.after]
    lines = _policy(policy)
    for one in found:
        lines += _compared(one)
    lines += [f"{count(whole.left_out, 'older release')} were not compared."] if whole.left_out else []
    summary = f"{len(changed)} of {count(len(found), 'verdict')} would change"
    return "\n".join([*lines, f"{summary}, of {count(whole.total, 'release')}."])


def policies(changes: Sequence[Change]) -> str:
    return "\n".join(_policy(changes)) if changes else "The policies ask for the same."


def _policy(changes: Sequence[Change]) -> list[str]:
    return [line for change in changes for line in _change(change)]


def _change(change: Change) -> Iterator[str]:
    yield f"The policy {_line(change.sentence())} ({change.direction})"
    for field in change.fields:
        before, after = _apart(field.before, field.after)
        yield f"    {field.field} ({field.direction}): {_value(before)} → {_value(after)}"


def _apart(before: Any, after: Any) -> tuple[Any, Any]:
    """Only what is not in both, with what names it: what differs has to be seen, however much else there is."""
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        gone, come = [one for one in before if one not in after], [one for one in after if one not in before]
        if len(gone) == len(come) == 1:
            old, new = _apart(gone[0], come[0])
            return [old], [new]
        return (gone, come) if gone or come else (before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        parts = {key: _apart(before[key], after.get(key)) for key in before if before[key] != after.get(key)}
        named = {key: before[key] for key in _NAMING if before.get(key) and key not in parts}
        old, new = ({key: part[side] for key, part in parts.items()} for side in (0, 1))
        return named | old, named | new
    return before, after


def _compared(one: Compared) -> Iterator[str]:
    if one.problem:
        yield f"? {_line(one.release)}: it could not be compared: {_line(one.problem)}"
        return
    name = f"#{one.pull_number} {_line(one.path)} {one.environment}, {_DOING[one.question]}"
    if one.before == one.after and not one.gates and not one.anew:
        return
    yield f"{name}: {one.before}{f' → {one.after}' if one.after != one.before else ', as now'}"
    yield from _differences(one.differences)
    if one.anew:
        yield f"  would have to approve anew: {_line(listing(one.anew, most=_MOST))}"


def _differences(found: Sequence[Difference]) -> list[str]:
    lines = [f"  {'  ' * (len(one.path) - 1)}{_difference(one)}" for one in found]
    return [*lines[:_MOST], f"  … and {len(lines) - _MOST} more"] if len(lines) > _MOST else lines


def _difference(one: Difference) -> str:
    node = one.after or one.before
    assert node is not None
    if one.before is None:
        return f"{_SYMBOLS[node.status]} {_line(one.path[-1])}: {_line(node.summary)}"
    if one.after is None:
        return f"(gone) {_line(one.path[-1])}: {_line(node.summary)}"
    return f"{_became(one.before, one.after)} {_line(one.path[-1])}: {_line(one.after.summary)}"


def _became(before: Node, after: Node) -> str:
    if before.status == after.status:
        return _SYMBOLS[after.status]
    return f"{_SYMBOLS[before.status]}→{_SYMBOLS[after.status]}"


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if value not in (None, "", [], {}) else "none"
    return _line(text if len(text) <= 160 else f"{text[:160]}…")


def _line(text: str) -> str:
    return " ".join(storable(text).split())
