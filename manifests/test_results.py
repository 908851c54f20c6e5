"""Test results (in-toto predicate test-result/v0.1): what a back-test or a compliance check found."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec

from manifests import attestation, canonical, strict_json
from manifests.attestation import STATEMENT_TYPE, Descriptor, FileDigest
from manifests.lineage_people import named_people
from manifests.refusal import refusal

PREDICATE_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"

Outcome = Literal["PASSED", "WARNED", "FAILED"]


class TestResult(msgspec.Struct, frozen=True):
    """A verdict over ``subjects`` (never empty); ``configuration`` names what the tests ran with."""

    __test__: ClassVar[bool] = False

    subjects: tuple[FileDigest, ...]
    result: Outcome
    configuration: tuple[FileDigest, ...] = ()
    url: str | None = None
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()
    named_people: tuple[str, ...] = ()


class _Predicate(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    result: Outcome
    configuration: tuple[Descriptor, ...]
    url: str | None = None
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()


def read(payload: bytes) -> TestResult:
    """The result in a statement's payload. Raises ManifestError, also where the parts contradict the whole:
    PASSED with a failed or warned test, WARNED with a failed one."""
    statement = attestation.parse(payload)
    attestation.expect_type(statement, PREDICATE_TYPE)
    predicate = strict_json.convert(statement.predicate, _Predicate, "test result")
    _expect_consistent(predicate)
    return TestResult(
        subjects=statement.artifacts(),
        result=predicate.result,
        configuration=tuple(FileDigest(item.label, item.sha256() or "") for item in predicate.configuration),
        url=predicate.url,
        passed_tests=predicate.passed_tests,
        warned_tests=predicate.warned_tests,
        failed_tests=predicate.failed_tests,
        named_people=named_people((statement.predicate,)),
    )


def build_test_result(result: TestResult) -> bytes:
    """Canonical payload bytes; ``read`` gives them back (``named_people`` is read, never written)."""
    predicate = _Predicate(
        result.result,
        tuple(Descriptor(name=c.name, digest={"sha256": c.sha256}) for c in result.configuration),
        result.url,
        result.passed_tests,
        result.warned_tests,
        result.failed_tests,
    )
    _expect_consistent(predicate)
    payload = canonical.encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [attestation.subject_of(item) for item in result.subjects],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )
    read(payload)
    return payload


def _expect_consistent(predicate: _Predicate) -> None:
    worst: Outcome = "FAILED" if predicate.failed_tests else "WARNED" if predicate.warned_tests else "PASSED"
    order = ("PASSED", "WARNED", "FAILED")
    if order.index(predicate.result) < order.index(worst):
        raise refusal(
            "test_result.contradiction",
            f"expected a result no better than {worst}, which its tests say, found {predicate.result}.",
            "Report what the tests found.",
        )
