"""What a changed policy changes, part by part: as data, and in short sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import to_builtins

from app.policy import directions
from app.policy.directions import Direction, overall
from gates.conditions import named_groups
from gates.words import listing
from manifests.policy import Policy, Rule

MAX_SENTENCES = 30

Kind = Literal["rule", "group", "trust", "freeze"]
What = Literal["added", "removed", "changed"]
_WORDS: Mapping[Kind, str] = {
    "rule": "rule", "group": "group", "trust": "trust in signers of", "freeze": "freeze",
}  # fmt: skip
_VERBS: Mapping[What, str] = {"added": "adds", "removed": "removes", "changed": "changes"}
_THERE: Mapping[Kind, Direction] = {"freeze": "tighter"}
"""What it means that a part is there at all. A rule asks for more where another one applies too, and lets through what
no other is for; trust narrows that of the tenant policy, where that names the same type."""


class FieldChange(msgspec.Struct, frozen=True):
    """One field of a changed part: its values as JSON has them, and whether it asks for more or less than before."""

    field: str
    before: Any
    after: Any
    direction: Direction


class Change(msgspec.Struct, frozen=True):
    """One part that is added, removed or changed. ``direction`` is that of all its fields together."""

    kind: Kind
    name: str
    what: What
    direction: Direction
    fields: tuple[FieldChange, ...] = ()

    def sentence(self) -> str:
        which = listing([one.field for one in self.fields if one.field != "signers"], most=20)
        return f"{_VERBS[self.what]} the {_WORDS[self.kind]} {self.name}{f': {which}' if which else ''}"


def changes(before: Policy | None, after: Policy) -> tuple[Change, ...]:
    """Every rule, group, trust and freeze that is not the same. ``before`` None: there was none that counts, so
    everything is added. Of included policies their parts are compared, not the files."""
    old = before or Policy(after.schema)
    stopping = any(map(_stops, (*old.rules, *after.rules)))
    of_groups = _never if stopping else directions.of_group
    return (
        *_parts("rule", _named(old.rules), _named(after.rules), directions.of_rule),
        *_parts("group", old.groups, after.groups, of_groups),
        *_parts("trust", old.trust, after.trust, _never),
        *_parts("freeze", _named(old.freezes), _named(after.freezes), directions.of_freeze),
    )


def differences(before: Policy | None, after: Policy) -> tuple[str, ...]:
    """Which rules, groups, trusted signers and freezes are added, removed or changed, at most ``MAX_SENTENCES``."""
    found = [change.sentence() for change in changes(before, after)]
    if len(found) <= MAX_SENTENCES:
        return tuple(found)
    return (*found[:MAX_SENTENCES], f"{len(found) - MAX_SENTENCES} more changes")


def _stops(rule: Rule) -> bool:
    """Whether more members of some group may mean more who stop a release, or more rules that apply."""
    return bool(rule.veto or named_groups([rule]))


def _named(parts: Iterable[Any]) -> dict[str, Any]:
    return {part.name: part for part in parts}


def _never(field: str, before: Any, after: Any) -> Direction:
    return "unclear"


def _parts(
    kind: Kind, before: Mapping[str, Any], after: Mapping[str, Any], direction: Callable[[str, Any, Any], Direction]
) -> Iterator[Change]:
    there = _THERE.get(kind, "unclear")
    gone: Direction = "looser" if there == "tighter" else "unclear"
    for name in sorted({*before, *after}):
        if name not in before:
            yield Change(kind, name, "added", there)
        elif name not in after:
            yield Change(kind, name, "removed", gone)
        elif before[name] != after[name]:
            fields = tuple(_fields(before[name], after[name], direction))
            yield Change(kind, name, "changed", overall(one.direction for one in fields), fields)


def _fields(before: Any, after: Any, direction: Callable[[str, Any, Any], Direction]) -> Iterator[FieldChange]:
    if not isinstance(before, msgspec.Struct):
        yield FieldChange("signers", to_builtins(before), to_builtins(after), directions.of_signers(before, after))
        return
    for name in before.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield FieldChange(name, to_builtins(old), to_builtins(new), direction(name, before, after))
