"""Stored decisions replay to the same verdict; what an earlier release wrote decides the same, in whatever words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gates.decide import decide
from gates.model import Result, Verdict
from tests.gates.golden import CASES, FOLDER, Golden

FIRST = FOLDER.with_name("golden_first")
"""Facts and verdicts as the first release stored them; never written anew."""


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_stored_decision_is_decided_again(name: str) -> None:
    golden = stored(FOLDER / f"{name}.json")
    assert decide(golden.policies, golden.snapshot) == golden.verdict


@pytest.mark.parametrize("name", sorted(path.stem for path in FIRST.glob("*.json")))
def test_what_the_first_release_decided_is_decided_again(name: str) -> None:
    golden = stored(FIRST / f"{name}.json")
    assert unworded(decide(golden.policies, golden.snapshot)) == unworded(golden.verdict)


def test_every_case_is_stored() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CASES)
    assert len(list(FIRST.glob("*.json"))) == 17


def stored(path: Path) -> Golden:
    return msgspec.json.decode(path.read_bytes(), type=Golden, strict=True)


def unworded(verdict: Verdict) -> dict[str, Any]:
    """Everything in it but texts; also when it has to be looked at again."""

    def statuses(results: Sequence[Result], under: str = "") -> list[str]:
        return [
            line
            for result in results
            for line in (
                f"{under}{result.name} {result.status}",
                *statuses(result.children, f"{under}{result.name}/"),
            )
        ]

    told = {name: getattr(verdict, name) for name in verdict.__struct_fields__ if name != "results"}
    return {**told, "results": statuses(verdict.results)}
