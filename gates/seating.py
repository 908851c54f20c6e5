"""The seats of a rule with those who fill them, and what would change that."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gates.accompanied import accompanied, is_alone
from gates.counting import Ballot
from gates.matching import Demand, Pair, fill_acting
from gates.model import Snapshot
from gates.terms import EffectiveRule, SeatTerms
from gates.tighten import is_production
from gates.words import instant, listing


class Seat(msgspec.Struct, frozen=True):
    """A seat with those who fill it, and those who could but already fill another (with the group of that one).

    ``behind`` are the persons for whom some of ``persons`` act, ``ending`` the first approval among theirs to expire:
    when (microseconds) and whose. ``spare`` tells that others could take their place, ``alone`` that all of them
    approved in ServiceNow and nowhere else.
    """

    terms: SeatTerms
    persons: tuple[str, ...]
    elsewhere: tuple[tuple[str, str], ...] = ()
    behind: dict[str, str] = {}
    ending: tuple[int, str] | None = None
    spare: bool = False
    alone: bool = True

    def missing(self) -> int:
        return max(self.terms.count - len(self.persons), 0)


def seated(terms: Sequence[SeatTerms], ballot: Ballot, environment: str) -> list[Seat]:
    """As many seats filled as can be, each by other persons; in production by somebody who approved in another place
    than ServiceNow too, where that can be."""
    demands = [
        Demand(seat.count, frozenset(candidates)) for seat, candidates in zip(terms, ballot.candidates, strict=True)
    ]
    filling = fill_acting(demands, _pairs(ballot))
    is_complete = filling.size() == sum(max(demand.count, 0) for demand in demands)
    if is_complete and is_production(environment) and is_alone(filling, ballot.elsewhere):
        filling = accompanied(demands, _pairs(ballot), ballot.elsewhere) or filling
    behind = {pair.acting: pair.behind for pair in filling.pairs}
    group_of = {person: seat.group for seat, found in zip(terms, filling.seats, strict=True) for person in found}
    group_of |= {person: group_of[acting] for acting, person in behind.items()}
    return [_seat(seat, filling.seats[at], ballot, at, behind, group_of) for at, seat in enumerate(terms)]


def names(seat: Seat, ballot: Ballot) -> str:
    """``Bob and Dave (for Carol)``."""
    return listing([_named(person, seat.behind, ballot) for person in seat.persons])


def changes(seat: Seat, snapshot: Snapshot, rule: EffectiveRule) -> str:
    """What takes away who fills the seat; empty where nobody does."""
    if seat.ending is None:
        return ""
    until, name = seat.ending
    expiry = f"{name}'s approval expires at {instant(until)}"
    lasting = expiry if seat.missing() or seat.spare else f"It opens again when {expiry}"
    return f"{lasting}{_pushing(snapshot, rule)}."


def _pushing(snapshot: Snapshot, rule: EffectiveRule) -> str:
    if snapshot.pull.state != "open":
        return ""
    if rule.keep is None:
        return "; a push to the pull request voids it"
    paths = f" or a path that {listing(rule.keep.unless_changed, 'or')} matches" if rule.keep.unless_changed else ""
    return f"; a push that changes a file of the release{paths} voids it"


def _pairs(ballot: Ballot) -> list[Pair]:
    return [
        Pair(*pair, frozenset(at for at, acting in enumerate(ballot.acting) if pair in acting)) for pair in ballot.pairs
    ]


def _seat(
    terms: SeatTerms,
    persons: tuple[str, ...],
    ballot: Ballot,
    at: int,
    behind: dict[str, str],
    group_of: dict[str, str],
) -> Seat:
    candidates, acting = ballot.candidates[at], ballot.acting[at]
    used = {person: behind[person] for person in persons if person in behind}
    ends = [
        (acting[person, used[person]] if person in used else candidates[person], _named(person, {}, ballot))
        for person in persons
    ]
    taken: tuple[tuple[str, str], ...] = ()
    if len(persons) < terms.count:
        taken = tuple((p, group_of[p]) for p in sorted(candidates) if group_of.get(p, terms.group) != terms.group)
    spare = len(candidates) + len(acting) > len(persons)
    alone = all((person, behind.get(person, person)) not in ballot.elsewhere[at] for person in persons)
    return Seat(terms, persons, taken, used, min(ends, default=None), spare, alone)


def _named(person: str, behind: dict[str, str], ballot: Ballot) -> str:
    name = ballot.names.get(person, person)
    return f"{name} (for {ballot.names.get(behind[person], behind[person])})" if person in behind else name
