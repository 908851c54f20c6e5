"""Filling seats with distinct persons: maximum bipartite matching, seats having a capacity.

One person fills at most one seat, whatever groups they belong to. Augmenting paths (Kuhn's method, searched
breadth first); the answer depends on the candidates only, not on the order in which they are given.

Who acts for another fills a seat for both of them: neither fills another one. Which pairs are used is tried out, none
first, then as few as possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec

MAX_PAIRS = 8
"""How many pairs are tried in all combinations; further ones, which are the latest, are not used."""


class Demand(msgspec.Struct, frozen=True):
    """``count`` persons are needed out of ``candidates``."""

    count: int
    candidates: frozenset[str]


class Pair(msgspec.Struct, frozen=True):
    """``acting`` may fill one of the ``seats`` (places in the demands) for the person ``behind``."""

    acting: str
    behind: str
    seats: frozenset[int]


class Filling(msgspec.Struct, frozen=True):
    """For each demand the persons who fill it, and the pairs that were used for that."""

    seats: tuple[tuple[str, ...], ...]
    pairs: tuple[Pair, ...] = ()

    def size(self) -> int:
        return sum(map(len, self.seats))


def fill(demands: Sequence[Demand]) -> tuple[tuple[str, ...], ...]:
    """For each demand the persons who fill it, at most ``count``; together as many as can be."""
    return _fill([demand.count for demand in demands], [sorted(demand.candidates) for demand in demands])


def fill_acting(demands: Sequence[Demand], pairs: Sequence[Pair]) -> Filling:
    """The same, with as few of the ``pairs`` as fill the most seats; of equally few the first."""
    best = Filling(fill(demands))
    needed = sum(max(demand.count, 0) for demand in demands)
    alone = best.size()
    # More candidates than all seats and pairs together never make a difference.
    ordered = [sorted(demand.candidates)[: needed + 2 * MAX_PAIRS] for demand in demands]
    for used in _subsets(pairs[:MAX_PAIRS]):
        if best.size() == needed:
            break
        if best.size() >= alone + len(used):
            continue
        found = Filling(_fill([demand.count for demand in demands], _with(ordered, used)), used)
        best = found if found.size() > best.size() else best
    return best


def _subsets(pairs: Sequence[Pair]) -> Iterator[tuple[Pair, ...]]:
    """Those in which nobody appears twice, small ones first."""
    for size in range(1, len(pairs) + 1):
        for used in combinations(pairs, size):
            if len({person for pair in used for person in (pair.acting, pair.behind)}) == 2 * size:
                yield used


def _with(ordered: Sequence[Sequence[str]], used: Sequence[Pair]) -> list[list[str]]:
    """The candidates where each pair is one person, who fills none but the seats they act for."""
    gone = {person for pair in used for person in (pair.acting, pair.behind)}
    return [
        [pair.acting for pair in used if seat in pair.seats] + [person for person in persons if person not in gone]
        for seat, persons in enumerate(ordered)
    ]


def _fill(counts: Sequence[int], ordered: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    seat_of: dict[str, int] = {}
    for seat, persons in enumerate(ordered):
        free = iter(persons)
        for _ in range(min(counts[seat], len(persons))):
            # Who was taken before stays so: whoever gives way to another moves on to some seat.
            person = next((person for person in free if person not in seat_of), None)
            if person is not None:
                seat_of[person] = seat
            elif not _augment(seat, ordered, seat_of):
                break
    filled: list[list[str]] = [[] for _ in ordered]
    for person in sorted(seat_of):
        filled[seat_of[person]].append(person)
    return tuple(map(tuple, filled))


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
