"""Matching fills as many seats with different persons as can be."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.matching import MAX_PAIRS, Demand, Pair, fill, fill_acting
from tests.gates.arbitrary import patient

_DEMANDS = st.lists(
    st.builds(Demand, st.integers(-1, 3), st.frozensets(st.sampled_from("abcde"), max_size=5)), max_size=4
)


def most(demands: list[Demand]) -> int:
    """The size of the largest matching, by trying every order of the persons over the slots."""
    slots = [demand.candidates for demand in demands for _ in range(min(max(demand.count, 0), 3))]
    people = sorted({person for slot in slots for person in slot})
    padded = people + [""] * len(slots)
    if len(slots) > 5:
        slots = slots[:5]
    return max(
        sum(person in slot for person, slot in zip(order, slots, strict=True))
        for order in set(permutations(padded[: len(people) + len(slots)], len(slots)))
    )


@patient
@given(_DEMANDS.filter(lambda demands: sum(max(d.count, 0) for d in demands) <= 4))
def test_as_many_seats_are_filled_as_by_trying_everything(demands: list[Demand]) -> None:
    assert sum(map(len, fill(demands))) == most(demands)


@patient
@given(_DEMANDS)
def test_a_filling_seats_each_person_once_where_they_may_sit(demands: list[Demand]) -> None:
    filled = fill(demands)
    everybody = [person for persons in filled for person in persons]
    assert len(everybody) == len(set(everybody))
    for demand, persons in zip(demands, filled, strict=True):
        assert len(persons) <= max(demand.count, 0)
        assert demand.candidates.issuperset(persons)


@patient
@given(_DEMANDS, st.integers(0, 3), st.sampled_from("abcdef"))
def test_one_more_candidate_never_empties_a_seat(demands: list[Demand], index: int, person: str) -> None:
    if index < len(demands):
        more = list(demands)
        more[index] = Demand(demands[index].count, demands[index].candidates | {person})
        assert sum(map(len, fill(more))) >= sum(map(len, fill(demands)))


@pytest.mark.parametrize("length", [1, 2, 50, 3000])
def test_a_long_chain_of_people_giving_way_is_followed(length: int) -> None:
    demands = [Demand(1, frozenset({f"{n:05}", f"{n + 1:05}"})) for n in range(length)]
    filled = fill([*demands, Demand(1, frozenset({"00000"}))])
    assert all(len(persons) == 1 for persons in filled)


def test_a_count_beyond_all_people_ends() -> None:
    assert fill([Demand(10**12, frozenset("ab"))]) == (("a", "b"),)


_PAIRS = st.lists(
    st.builds(Pair, st.sampled_from("abcdxy"), st.sampled_from("abcdz"), st.frozensets(st.integers(0, 3), max_size=3)),
    max_size=5,
).map(lambda pairs: [pair for pair in pairs if pair.acting != pair.behind])


def most_acting(demands: list[Demand], pairs: list[Pair]) -> tuple[int, int]:
    """The most seats that can be filled and the fewest pairs that it takes, by trying every choice for every slot."""
    slots = [seat for seat, demand in enumerate(demands) for _ in range(max(demand.count, 0))]

    def best(at: int, taken: frozenset[str]) -> tuple[int, int]:
        if at == len(slots):
            return 0, 0
        found = [best(at + 1, taken)]
        for person in demands[slots[at]].candidates - taken:
            size, used = best(at + 1, taken | {person})
            found.append((size + 1, used))
        for pair in pairs:
            if slots[at] in pair.seats and not taken & {pair.acting, pair.behind}:
                size, used = best(at + 1, taken | {pair.acting, pair.behind})
                found.append((size + 1, used - 1))
        return max(found)

    size, used = best(0, frozenset())
    return size, -used


@patient
@given(_DEMANDS.filter(lambda demands: sum(max(d.count, 0) for d in demands) <= 4), _PAIRS)
def test_who_acts_for_others_fills_as_many_seats_as_can_be_with_as_few_pairs(
    demands: list[Demand], pairs: list[Pair]
) -> None:
    filling = fill_acting(demands, pairs)
    assert (filling.size(), len(filling.pairs)) == most_acting(demands, pairs)
    seated = [person for persons in filling.seats for person in persons]
    taken = [*seated, *(pair.behind for pair in filling.pairs)]
    assert len(taken) == len(set(taken))
    for at, persons in enumerate(filling.seats):
        for person in persons:
            acts = any(pair.acting == person and at in pair.seats for pair in filling.pairs)
            assert acts or person in demands[at].candidates


@patient
@given(_DEMANDS, _PAIRS, st.builds(Pair, st.just("e"), st.just("w"), st.frozensets(st.integers(0, 3))))
def test_one_more_pair_never_empties_a_seat(demands: list[Demand], pairs: list[Pair], more: Pair) -> None:
    assert fill_acting(demands, [*pairs, more]).size() >= fill_acting(demands, pairs).size()


def test_only_the_first_pairs_are_tried() -> None:
    pairs = [Pair(f"a{n}", f"b{n}", frozenset({n})) for n in range(MAX_PAIRS + 1)]
    demands = [Demand(1, frozenset())] * len(pairs)
    assert fill_acting(demands, pairs).pairs == tuple(pairs[:MAX_PAIRS])
