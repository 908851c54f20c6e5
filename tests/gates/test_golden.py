"""Stored decisions replay to the same verdict, also those that an earlier release wrote."""

from __future__ import annotations

import msgspec
import pytest

from gates.decide import decide
from tests.gates.golden import CASES, FOLDER, Golden


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_stored_decision_is_decided_again(name: str) -> None:
    stored = (FOLDER / f"{name}.json").read_bytes()
    golden = msgspec.json.decode(stored, type=Golden, strict=True)
    assert decide(golden.policies, golden.snapshot) == golden.verdict


def test_every_case_is_stored() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CASES)
