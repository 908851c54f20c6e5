"""Filling seats with distinct persons: maximum bipartite matching, seats having a capacity.

One person fills at most one seat, whatever groups they belong to. Augmenting paths (Kuhn's method, searched
breadth first); the answer depends on the candidates only, not on the order in which they are given.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Demand(msgspec.Struct, frozen=True):
    """``count`` persons are needed out of ``candidates``."""

    count: int
    candidates: frozenset[str]


def fill(demands: Sequence[Demand]) -> tuple[tuple[str, ...], ...]:
    """For each demand the persons who fill it, at most ``count``; together as many as can be."""
    ordered = [sorted(demand.candidates) for demand in demands]
    seat_of: dict[str, int] = {}
    for seat, demand in enumerate(demands):
        for _ in range(min(demand.count, len(ordered[seat]))):
            if not _augment(seat, ordered, seat_of):
                break
    filled: list[list[str]] = [[] for _ in demands]
    for person in sorted(seat_of):
        filled[seat_of[person]].append(person)
    return tuple(tuple(persons) for persons in filled)


def _augment(start: int, ordered: Sequence[Sequence[str]], seat_of: dict[str, int]) -> bool:
    """Find somebody for ``start``, moving others to seats that they could fill as well."""
    reached_from: dict[str, int] = {}
    sitting_in: dict[int, str] = {}
    queue = [start]
    for seat in queue:
        for person in ordered[seat]:
            if person in reached_from:
                continue
            reached_from[person] = seat
            taken = seat_of.get(person)
            if taken is None:
                _move(person, start, reached_from, sitting_in, seat_of)
                return True
            if taken != start and taken not in sitting_in:
                sitting_in[taken] = person
                queue.append(taken)
    return False


def _move(
    person: str,
    start: int,
    reached_from: dict[str, int],
    sitting_in: dict[int, str],
    seat_of: dict[str, int],
) -> None:
    """Seat ``person``, then whoever gave way one seat further, back to ``start``."""
    while (seat := reached_from[person]) != start:
        seat_of[person] = seat
        person = sitting_in[seat]
    seat_of[person] = start
