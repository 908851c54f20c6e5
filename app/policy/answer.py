"""The tools' answers as JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.policy.model import Expected
from app.policy.report import summary
from app.policy.suites import Source, Tested
from app.policy.validate import Checked
from gates.model import Verdict
from manifests.errors import Problem


class CheckedFile(msgspec.Struct, frozen=True):
    path: str
    kind: str
    sha256: str
    valid: bool
    problems: tuple[Problem, ...]
    unreadable: str


class Validation(msgspec.Struct, frozen=True):
    """`policy validate --json`."""

    valid: bool
    files: tuple[CheckedFile, ...]


class CaseAnswer(msgspec.Struct, frozen=True):
    name: str
    line: int
    as_expected: bool
    expected: Expected
    verdict: Verdict
    differences: tuple[str, ...]


class FileAnswer(msgspec.Struct, frozen=True):
    tests: Source
    policy: Source | None
    tenant: Source | None
    as_expected: bool
    problems: tuple[Problem, ...]
    cases: tuple[CaseAnswer, ...]
    untouched: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True):
    """`policy test --json`."""

    as_expected: bool
    summary: str
    files: tuple[FileAnswer, ...]


def validation(found: Sequence[Checked]) -> bytes:
    files = tuple(
        CheckedFile(one.path, one.kind, one.sha256, one.is_valid, one.problems, one.unreadable) for one in found
    )
    return msgspec.json.encode(Validation(all(one.valid for one in files), files))


def tests(tested: Sequence[Tested]) -> bytes:
    files = tuple(_file(one) for one in tested)
    return msgspec.json.encode(Answer(all(one.as_expected for one in files), summary(tested), files))


def _file(tested: Tested) -> FileAnswer:
    cases = tuple(
        CaseAnswer(one.case.name, one.case.line, not one.differences, one.case.expect, one.verdict, one.differences)
        for one in tested.judged
    )
    return FileAnswer(
        tested.cases, tested.policy, tested.tenant, tested.is_as_expected, tested.problems, cases, tested.untouched
    )
