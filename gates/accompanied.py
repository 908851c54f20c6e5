"""ServiceNow alone never releases production: somebody who fills a seat has approved in another place (THREATS 13).

What ServiceNow says can be made there by whoever administers it, so it may fill seats, but never all of them.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import msgspec

from gates.matching import Demand, Filling, Pair, fill_acting

Acting = tuple[str, str]


def is_alone(filling: Filling, elsewhere: Sequence[Set[Acting]]) -> bool:
    """Whether nobody who fills a seat is among those who approved ``elsewhere`` for it, as who acts and for whom."""
    behind = {pair.acting: pair.behind for pair in filling.pairs}
    return not any(
        (person, behind.get(person, person)) in those
        for persons, those in zip(filling.seats, elsewhere, strict=True)
        for person in persons
    )


def accompanied(demands: Sequence[Demand], pairs: Sequence[Pair], elsewhere: Sequence[Set[Acting]]) -> Filling | None:
    """A filling of all seats that is not alone, where there is one: each seat in turn keeps one place for them."""
    for at, those in enumerate(elsewhere):
        if not those or demands[at].count < 1:
            continue
        kept = Demand(1, frozenset(acting for acting, behind in those if acting == behind))
        fewer = msgspec.structs.replace(demands[at], count=demands[at].count - 1)
        among = [_kept(pair, len(demands)) if (pair.acting, pair.behind) in those else pair for pair in pairs]
        found = fill_acting([*demands[:at], fewer, *demands[at + 1 :], kept], among)
        if found.size() == sum(max(demand.count, 0) for demand in demands):
            *seats, last = found.seats
            seats[at] = tuple(sorted((*seats[at], *last)))
            return Filling(tuple(seats), found.pairs)
    return None


def _kept(pair: Pair, place: int) -> Pair:
    return msgspec.structs.replace(pair, seats=pair.seats | {place})
