from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.requirements import KNOBS, REQUIRED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under COUNTERSIGN_REQUIRE=all a skipped test is a failed one, whatever skipped it."""
    report = yield
    if REQUIRED == "all" and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped under COUNTERSIGN_REQUIRE=all: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def only_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that steer these tests look like settings, and unknown settings are errors."""
    for knob in KNOBS:
        monkeypatch.delenv(knob, raising=False)
