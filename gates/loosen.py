"""Merging what loosens a rule: it exists only where every matching rule has it, narrowed to what all of them allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from gates.breakers import asks_for_each
from manifests.policy import Rule
from manifests.policy_terms import BreakGlassRule, DelegationRule, KeepRule

T = TypeVar("T")


def keep(rules: Sequence[Rule]) -> KeepRule | None:
    """All patterns of all rules."""
    found = _everywhere([rule.keep for rule in rules])
    return KeepRule(tuple(sorted({path for one in found for path in one.unless_changed}))) if found else None


def delegation(rules: Sequence[Rule]) -> DelegationRule | None:
    """The shortest time."""
    found = _everywhere([rule.delegation for rule in rules])
    return DelegationRule(min(one.longest for one in found)) if found else None


def break_glass(rules: Sequence[Rule]) -> BreakGlassRule | None:
    """The groups that all rules name, the most persons, the shortest times; nothing where no group is common, where
    the rules want different groups to review it, or where one asks for somebody of a group that is not common."""
    found = _everywhere([rule.break_glass for rule in rules])
    if not found or len({one.review_by for one in found}) > 1:
        return None
    common = set(found[0].groups).intersection(*(one.groups for one in found))
    if not common or any(asks_for_each(one) and set(one.groups) > common for one in found):
        return None
    return BreakGlassRule(
        groups=tuple(sorted(common)),
        review_by=found[0].review_by,
        count=max(one.count for one in found),
        valid=min(one.valid for one in found),
        review_within=min(one.review_within for one in found),
    )


def _everywhere(terms: Sequence[T | None]) -> list[T]:
    found = [term for term in terms if term is not None]
    return found if len(found) == len(terms) else []
