"""What a test needs from the machine. With COUNTERSIGN_REQUIRE=all nothing may be missing."""

from __future__ import annotations

import os
import shutil

import pytest

KNOBS = ("COUNTERSIGN_REQUIRE", "COUNTERSIGN_KILLS", "COUNTERSIGN_ORDERS", "COUNTERSIGN_HISTORIES", "COUNTERSIGN_STEPS")
"""Variables that steer the tests. They are no settings, so what is tested must not see them."""

REQUIRED = os.environ.get("COUNTERSIGN_REQUIRE", "")


def need(tool: str) -> str:
    """The path of a program; skips the test where it is missing, or fails it under COUNTERSIGN_REQUIRE=all."""
    found = shutil.which(tool)
    if found is None:
        missing(f"{tool} is not installed")
    assert found is not None
    return found


def missing(reason: str) -> None:
    """Skips or, under COUNTERSIGN_REQUIRE=all, fails the running test, saying why."""
    if REQUIRED == "all":
        pytest.fail(f"{reason}, and COUNTERSIGN_REQUIRE=all")
    pytest.skip(reason)
