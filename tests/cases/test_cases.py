"""Every case of every table, through real webhooks, the real service and the simulated GitHub."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import logging
from gates.decide import decide
from manifests.policy import When
from tests.cases import vocabulary
from tests.cases.__main__ import summary
from tests.cases.desk import Desk
from tests.cases.model import Case, tables
from tests.cases.play import Player
from tests.gates.builders import POLICIES, SNAPSHOT
from tests.gates.rich import rich

ROOT = Path(__file__).parents[2]
TABLES = tables()
CASES = [
    pytest.param(name, case, number, id=f"{name}: {case.name}")
    for name, table in TABLES.items()
    for number, case in enumerate(table.cases)
]


class Worlds:
    """The world of one file of cases at a time."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._desk: Desk | None = None
        self._of = ""

    def of(self, name: str) -> Desk:
        if self._desk is None or self._of != name:
            self.close()
            self._desk, self._of = self.fresh(), name
        return self._desk

    def fresh(self) -> Desk:
        logging.configure("error", "text", io.StringIO())
        return Desk(self._folders.mktemp("cases"))

    def close(self) -> None:
        if self._desk is not None:
            desk, self._desk = self._desk, None
            desk.close()


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    found = Worlds(tmp_path_factory)
    yield found
    found.close()


@pytest.mark.parametrize(("name", "case", "number"), CASES)
def test_the_case(worlds: Worlds, name: str, case: Case, number: int) -> None:
    if not case.alone:
        Player(worlds.of(name), TABLES[name], case, number).play()
        return
    with contextlib.closing(worlds.fresh()) as own:
        Player(own, TABLES[name], case, number).play()


def test_no_two_cases_of_a_table_have_the_same_name() -> None:
    for name, table in TABLES.items():
        names = [case.name for case in table.cases]
        assert len(names) == len(set(names)), name


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(CASES) >= 250


def covered() -> Counter[str]:
    return Counter(token for table in TABLES.values() for case in table.cases for token in case.covers)


def test_what_cases_say_that_they_cover_is_known() -> None:
    assert covered().keys() - vocabulary.known() == set()


def test_everything_that_has_to_be_is_covered() -> None:
    assert set(vocabulary.required()) - covered().keys() == set()


def test_each_condition_is_seen_to_hold_and_not_to_hold() -> None:
    found = covered()
    assert [key for key in vocabulary.keys(When) if found[f"when {key}"] < 2] == []


def test_what_is_held_elsewhere_is_held_there_and_all_that_peers_lack_is_held_somewhere() -> None:
    for path in (*vocabulary.PEERS_ELSEWHERE.values(), *vocabulary.GATES_ELSEWHERE.values()):
        assert (ROOT / path).is_file(), path
    assert {*vocabulary.PEERS, *vocabulary.PEERS_ELSEWHERE} == set(range(1, 17))


def test_every_gate_of_a_verdict_has_a_name_that_cases_can_cover() -> None:
    known = {*vocabulary.GATES, *vocabulary.GATES_ELSEWHERE}
    verdicts = [decide(POLICIES, SNAPSHOT), decide(*rich())]
    assert {result.name for verdict in verdicts for result in verdict.results} - known == set()


def test_the_summary_names_every_case_and_every_token() -> None:
    told = summary()
    names = [case.name for table in TABLES.values() for case in table.cases]
    assert [name for name in names if name not in told] == []
    assert [token for token in vocabulary.known() if f"| {token} |" not in told] == []
