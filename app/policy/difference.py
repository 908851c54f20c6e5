"""What a changed policy changes, part by part, in short sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gates.words import listing
from manifests.policy import Policy

MAX_SENTENCES = 30


def differences(before: Policy | None, after: Policy) -> tuple[str, ...]:
    """Which rules, groups, trusted signers and freezes are added, removed or changed, at most ``MAX_SENTENCES``.

    ``before`` None: there was none that counts, so everything is added.
    """
    old = before or Policy(after.schema)
    found = [
        *_parts("rule", {rule.name: rule for rule in old.rules}, {rule.name: rule for rule in after.rules}),
        *_parts("group", old.groups, after.groups),
        *_parts("trust in signers of", old.trust, after.trust),
        *_parts("freeze", {one.name: one for one in old.freezes}, {one.name: one for one in after.freezes}),
    ]
    if len(found) <= MAX_SENTENCES:
        return tuple(found)
    return (*found[:MAX_SENTENCES], f"{len(found) - MAX_SENTENCES} more changes")


def _parts(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"adds the {kind} {name}"
        elif name not in after:
            yield f"removes the {kind} {name}"
        elif before[name] != after[name]:
            which = _fields(before[name], after[name])
            yield f"changes the {kind} {name}{f': {listing(which, most=20)}' if which else ''}"


def _fields(before: Any, after: Any) -> list[str]:
    if not isinstance(before, msgspec.Struct):
        return []
    return [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
