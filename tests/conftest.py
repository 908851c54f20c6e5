from __future__ import annotations

import pytest

from tests.requirements import KNOBS


@pytest.fixture(autouse=True)
def only_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that steer these tests look like settings, and unknown settings are errors."""
    for knob in KNOBS:
        monkeypatch.delenv(knob, raising=False)
