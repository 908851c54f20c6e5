"""Stored decisions replay to the same verdict, also those that an earlier release wrote."""

from __future__ import annotations

import msgspec
import pytest

from gates.decide import decide
from gates.model import Result, Verdict
from tests.gates.builders import alter
from tests.gates.golden import CASES, FOLDER, Golden

FIRST = FOLDER.with_name("first")
"""Facts and verdicts as the first release stored them; never written anew."""


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_stored_decision_is_decided_again(name: str) -> None:
    golden = stored((FOLDER / f"{name}.json").read_bytes())
    assert decide(golden.policies, golden.snapshot) == golden.verdict


@pytest.mark.parametrize("name", sorted(path.stem for path in FIRST.glob("*.json")))
def test_what_the_first_release_decided_is_decided_again(name: str) -> None:
    golden = stored((FIRST / f"{name}.json").read_bytes())
    assert plain(decide(golden.policies, golden.snapshot)) == golden.verdict


def stored(text: bytes) -> Golden:
    return msgspec.json.decode(text, type=Golden, strict=True)


def plain(verdict: Verdict) -> Verdict:
    """Without what later releases say in addition."""

    def bare(result: Result) -> Result:
        return alter(result, who="", changes="", children=tuple(map(bare, result.children)))

    return alter(verdict, results=tuple(map(bare, verdict.results)))


def test_every_case_is_stored() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CASES)
