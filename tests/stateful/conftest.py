from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from app import logging
from tests.stateful.histories import PEOPLE
from tests.stateful.lively import Lively
from tests.stateful.playground import Desk, Playground


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lively]:
    logging.configure("error", "text", io.StringIO())
    world = Lively(tmp_path_factory.mktemp("lively"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    lively = Lively(tmp_path_factory.mktemp("powers"), Playground)
    yield Desk(lively, PEOPLE)
    lively.close()
