"""Which groups a release asks, and what groups are made of."""

from __future__ import annotations

from collections.abc import Iterable

from app.facts.view import ReleaseView
from gates.groups import parts
from gates.model import GroupFacts
from gates.terms import EffectiveRule


def asked_groups(release: ReleaseView, environment: str, *, veto: bool = False) -> tuple[GroupFacts, ...]:
    """The groups that have a seat, and with ``veto`` those that may withhold consent without one; every group as it
    was read where there is no rule."""
    found, rule = release.joined(environment), release.rules.get(environment)
    if not isinstance(rule, EffectiveRule):
        return found
    names = {*(seat.group for seat in rule.seats), *(rule.veto if veto else ())}
    return tuple(group for group in found if group.name in names)


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
