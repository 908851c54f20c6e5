"""The sandbox's policy decides what its story tells."""

from __future__ import annotations

from pathlib import Path

from app.policy.suites import run
from app.sandbox import documents
from gates import render
from manifests.keys import PrivateKey

CASES = Path(__file__).parent / "sandbox" / "countersign.tests.yaml"


def _written(folder: Path, policy: bytes) -> Path:
    (folder / "countersign.yaml").write_bytes(policy)
    (folder / "tenant.yaml").write_bytes(documents.tenant_policy(1))
    path = folder / CASES.name
    path.write_bytes(CASES.read_bytes())
    return path


def _policy() -> bytes:
    training, testing, alice = (PrivateKey.generate() for _ in range(3))
    return documents.policy(training, testing, alice)


def test_the_policy_of_the_sandbox_decides_as_its_cases_say(tmp_path: Path) -> None:
    tested = run(_written(tmp_path, _policy()))
    assert tested.problems == ()
    for judged in tested.judged:
        assert not judged.differences, "\n".join([*judged.differences, render.text(judged.verdict)])
    assert tested.untouched == ()


def test_the_lax_policy_of_the_sandbox_does_not(tmp_path: Path) -> None:
    tested = run(_written(tmp_path, documents.lax_policy()))
    assert not tested.is_as_expected
