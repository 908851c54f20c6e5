from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from app import logging
from tests.stateful.lively import Lively


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lively]:
    logging.configure("error", "text", io.StringIO())
    world = Lively(tmp_path_factory.mktemp("lively"))
    yield world
    world.close()
