"""What groups are made of."""

from __future__ import annotations

from collections.abc import Iterable

from gates.groups import parts
from gates.terms import EffectiveRule


def made_of(rule: EffectiveRule, names: Iterable[str]) -> frozenset[str]:
    """These groups and all that they are made of."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            definition = rule.group(name)
            waiting += parts(definition) if definition is not None else ()
    return frozenset(found)
