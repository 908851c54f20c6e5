"""Who reports to whom: the requester's managers, and those whom the requester manages, cannot judge the release."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gates.model import ReportingFacts

_IN_LINE = "are in the reporting line of the requester"


class Lines(msgspec.Struct, frozen=True):
    """``related`` are in the requester's line, ``known`` all whose line is known. ``problem`` says why nothing can be
    told of anybody."""

    related: frozenset[str]
    known: frozenset[str]
    problem: str = ""

    def objection(self, persons: Iterable[str]) -> str:
        """Why these persons, who are one human, do not count; nobody whose line is not known does."""
        asked = [person for person in persons if person]
        if any(person in self.related for person in asked):
            return _IN_LINE
        if self.problem:
            return f"may be in the reporting line of the requester: {self.problem}"
        if not asked or any(person not in self.known for person in asked):
            return "may be in the reporting line of the requester: the identity provider does not know theirs"
        return ""


def lines(facts: ReportingFacts | None, requesters: frozenset[str]) -> Lines:
    """``requesters`` are all persons that the requester is known as."""
    if facts is None:
        return Lines(frozenset(), frozenset(), "no identity provider was asked")
    related: set[str] = set()
    for line in facts.lines:
        if line.person in requesters:
            related.update(line.managers)
        elif not requesters.isdisjoint(line.managers):
            related.add(line.person)
    known = frozenset(line.person for line in facts.lines)
    return Lines(frozenset(related), known, _problem(facts, requesters, known))


def _problem(facts: ReportingFacts, requesters: frozenset[str], known: frozenset[str]) -> str:
    if facts.problem:
        return facts.problem.rstrip(".")
    return "" if requesters and requesters <= known else "the identity provider does not know the requester"
