"""How one verdict differs from another, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from gates.model import Result, Status, Verdict

Place = tuple[str, ...]


class Node(msgspec.Struct, frozen=True):
    """One result of a tree, without its children."""

    status: Status
    summary: str
    remedy: str = ""


class Difference(msgspec.Struct, frozen=True):
    """What became of the result at ``path`` (the gate first); None: it is in one of the trees only."""

    path: Place
    before: Node | None
    after: Node | None


def differences(before: Verdict, after: Verdict) -> tuple[Difference, ...]:
    """In the order of the trees. Of results with the same name beside each other the same sentences belong together."""
    old, new = dict(_nodes(before.results)), dict(_nodes(after.results))
    places = [*new, *(place for place in old if place not in new)]
    found = [(place, old.get(place), new.get(place)) for place in places]
    return tuple(
        Difference(tuple(name for name, _ in place), one, other) for place, one, other in found if one != other
    )


def gates(before: Verdict, after: Verdict) -> tuple[str, ...]:
    """The gates whose status is another, or that only one of the verdicts has, sorted."""
    old, new = ({result.name: result.status for result in one.results} for one in (before, after))
    return tuple(sorted(name for name in {*old, *new} if old.get(name) != new.get(name)))


_Key = tuple[tuple[str, str], ...]


def _nodes(results: Sequence[Result], above: _Key = ()) -> Iterator[tuple[_Key, Node]]:
    """A name that is there once is a place; of several with the same name each is told by its summary."""
    named = Counter(result.name for result in results)
    for result in results:
        place = (*above, (result.name, result.summary if named[result.name] > 1 else ""))
        yield place, Node(result.status, result.summary, result.remedy)
        yield from _nodes(result.children, place)
