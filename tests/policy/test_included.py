"""What a policy on disk includes is looked for from the root of its repository, and never outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.policy.included import root_of
from app.policy.suites import run
from app.policy.validate import check
from manifests.canonical import sha256_hex

BASE = b"schema: countersign/policy/v1\ngroups:\n  board: {members: [dora]}\n"
OWN = """\
schema: countersign/policy/v1
include: [{path: policies/base.yaml, sha256: "DIGEST"MORE}]
rules:
  - {name: own, seats: [{group: board}], gates: [rationale]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "base.yaml").write_bytes(BASE)
    (tmp_path / ".github").mkdir()
    return tmp_path


def write(folder: Path, more: str = "", digest: str = sha256_hex(BASE), name: str = ".github/countersign.yaml") -> Path:
    path = folder / name
    path.write_text(OWN.replace("DIGEST", digest).replace("MORE", more))
    return path


def codes(path: Path, *others: Path) -> list[str]:
    (checked,) = check([path], None, others)
    return [problem.code for problem in checked.problems]


def test_included_files_are_found_from_the_folder_above_github(folder: Path) -> None:
    assert codes(write(folder)) == []


def test_included_files_are_found_from_the_root_of_the_repository(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "deep").mkdir()
    assert codes(write(folder, name="deep/policy.yaml")) == []
    assert root_of(folder / "deep" / "policy.yaml") == folder


def test_a_file_that_was_altered_is_told(folder: Path) -> None:
    (folder / "policies" / "base.yaml").write_bytes(BASE + b"# more\n")
    assert codes(write(folder)) == ["policy.include_altered"]


def test_a_file_of_another_commit_may_differ_from_what_is_at_hand(folder: Path) -> None:
    path = write(folder, more=", ref: v1")
    assert codes(path) == []
    (folder / "policies" / "base.yaml").write_bytes(BASE + b"# more\n")
    assert codes(path) == ["policy.include_missing"]


def test_a_file_of_another_repository_has_to_be_given(folder: Path) -> None:
    path = write(folder, more=", repository: acme/rules, ref: v1")
    assert codes(path) == ["policy.include_missing"]
    elsewhere = folder / "any-name.yaml"
    elsewhere.write_bytes(BASE)
    assert codes(path, elsewhere) == []


def test_a_link_out_of_the_repository_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "base.yaml"
    outside.write_bytes(BASE)
    (folder / "policies" / "base.yaml").unlink()
    (folder / "policies" / "base.yaml").symlink_to(outside)
    assert codes(write(folder)) == ["policy.include_missing"]


def test_policy_tests_decide_with_what_the_policy_includes(folder: Path) -> None:
    write(folder)
    tests = folder / ".github" / "countersign.tests.yaml"
    tests.write_text("schema: countersign/policy-tests/v1\npolicy: countersign.yaml\n" + CASES)
    tested = run(tests)
    assert tested.problems == ()
    assert tested.is_as_expected, json.dumps([str(one) for one in tested.judged])


CASES = "cases:\n  - {name: nobody approved, expect: wait}\n"
