"""Merging the demands of rules that add up: whatever one of them asks for is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from gates.terms import WindowTerms
from manifests.policy import Rule
from manifests.policy_terms import Comparison, DeadlineRule, Requirement

S = TypeVar("S", bound=msgspec.Struct)


def words(found: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Each word once, sorted."""
    return tuple(sorted({word for words in found for word in words}))


def terms(found: Iterable[S]) -> tuple[S, ...]:
    """Each of them once, in an order of its own."""
    return tuple(sorted(set(found), key=repr))


def requirements(rules: Iterable[Rule]) -> tuple[Requirement, ...]:
    """Per type of evidence every comparison."""
    found: dict[str, list[Comparison]] = {}
    for rule in rules:
        for requirement in rule.requirements:
            found.setdefault(requirement.type, []).extend(requirement.comparisons)
    return tuple(Requirement(type, terms(found[type])) for type in sorted(found))


def deadline(rules: Iterable[Rule]) -> DeadlineRule | None:
    """The nearest, with all reminders and everybody who is told."""
    found = [rule.deadline for rule in rules if rule.deadline is not None]
    if not found:
        return None
    return DeadlineRule(
        within=min(one.within for one in found),
        remind=tuple(sorted({after for one in found for after in one.remind})),
        escalate=words(one.escalate for one in found),
    )


def windows(layers: Sequence[tuple[str, Rule]]) -> tuple[WindowTerms, ...]:
    """Those of each rule that has some."""
    return terms(WindowTerms(f"{layer}/{rule.name}", terms(rule.windows)) for layer, rule in layers if rule.windows)


def evidence(rules: Sequence[Rule]) -> tuple[str, ...]:
    """The types that some rule lists, and those whose content it compares."""
    return words([*(rule.evidence for rule in rules), *([r.type for r in rule.requirements] for rule in rules)])


def groups(rules: Sequence[Rule]) -> tuple[str, ...]:
    """The groups that the rules name for something else than a seat or for breaking the glass."""
    named: list[Iterable[str]] = [rule.veto for rule in rules]
    named += [rule.deadline.escalate for rule in rules if rule.deadline is not None]
    named += [[r.findings.exceptions_by] for r in rules if r.findings is not None and r.findings.exceptions_by]
    return words(named)
