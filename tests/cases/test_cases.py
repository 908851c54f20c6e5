"""Every case of every table, through real webhooks, the real service and the simulated GitHub."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pytest

from app import logging
from tests.cases.desk import Desk
from tests.cases.model import Case, Table, tables
from tests.cases.play import Player

TABLES = tables()
CASES = [
    pytest.param(table, case, number, id=f"{name}: {case.name}")
    for number, (name, table, case) in enumerate(
        (name, table, case) for name, table in TABLES.items() for case in table.cases
    )
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory) as found:
        yield found


@contextlib.contextmanager
def desk(folders: pytest.TempPathFactory) -> Iterator[Desk]:
    logging.configure("error", "text", io.StringIO())
    found = Desk(folders.mktemp("cases"))
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize(("table", "case", "number"), CASES)
def test_the_case(
    shared: Desk, tmp_path_factory: pytest.TempPathFactory, table: Table, case: Case, number: int
) -> None:
    if not case.alone:
        Player(shared, table, case, number).play()
        return
    with desk(tmp_path_factory) as own:
        Player(own, table, case, number).play()


def test_no_two_cases_of_a_table_have_the_same_name() -> None:
    for name, table in TABLES.items():
        names = [case.name for case in table.cases]
        assert len(names) == len(set(names)), name


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(CASES) >= 250
