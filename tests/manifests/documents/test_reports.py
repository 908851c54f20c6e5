"""What reports say: results, findings with their severities, and single values digit by digit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import reports
from manifests.errors import ManifestError
from manifests.report_values import Value, values_at
from manifests.reports import PREDICATE_TYPE, SCANS, Issue

SUBJECT = {"name": "limits.json", "digest": {"sha256": "a" * 64}}


def statement(predicate: Any, type: str = PREDICATE_TYPE) -> bytes:
    body = {"_type": "https://in-toto.io/Statement/v1", "subject": [SUBJECT], "predicateType": type}
    return json.dumps({**body, "predicate": predicate}).encode()


def scan(*ratings: Any) -> bytes:
    found = {"id": "CVE-2026-1", "severity": [{"method": "nvd", "score": rating} for rating in ratings]}
    return statement({"scanner": {"uri": "pkg:scan", "result": [found]}}, SCANS[0])


@pytest.mark.parametrize(
    ("ratings", "severity"),
    [
        (["medium"], "medium"),
        (["Moderate "], "medium"),
        (["low", "critical"], "critical"),
        (["9.0"], "critical"),
        (["8.9"], "high"),
        (["7.0"], "high"),
        (["6.9"], "medium"),
        (["4"], "medium"),
        (["3.9"], "low"),
        ([0], "low"),
        ([9.8], "critical"),
        ([], ""),
        (["dreadful"], ""),
        (["10.1"], ""),
        (["-1"], ""),
        (["nan"], ""),
        (["low", "unknown"], ""),
    ],
)
def test_the_worst_rating_of_a_scan_counts_and_one_that_cannot_be_told_hides_it(
    ratings: list[Any], severity: str
) -> None:
    assert reports.read(scan(*ratings), "scan").findings == (Issue("CVE-2026-1", severity),)


def test_a_scan_that_found_nothing_has_an_empty_list_and_no_result() -> None:
    found = reports.read(statement({"scanner": {"result": []}}, SCANS[1]), "scan")
    assert (found.findings, found.result) == ((), "")


def test_a_report_of_ours_says_its_type_result_findings_and_people() -> None:
    said = {
        "type": "drift", "result": "PASSED", "findings": [{"id": "D-1", "severity": "High", "about": "prices"}],
        "reviewedBy": "Carol",
    }  # fmt: skip
    found = reports.read(statement(said), "drift")
    assert (found.result, found.findings) == ("PASSED", (Issue("D-1", "high", "prices"),))
    assert found.subjects[0].sha256 == "a" * 64


def test_without_a_list_of_findings_it_is_not_known_what_was_found() -> None:
    assert reports.read(statement({"type": "drift", "result": "PASSED"}), "drift").findings is None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (statement({"type": "drift", "result": "PASSED"}), "report.type"),
        (statement({"result": "PASSED"}), "json.shape"),
        (statement({"type": "test-result", "result": "passed"}), "json.shape"),
        (statement({"type": "test-result", "findings": [{"id": "x"}]}), "json.shape"),
        (statement({}, "https://example.org/v1"), "report.predicate_type"),
        (statement({"scanner": {}}, SCANS[0]), "json.shape"),
    ],
)
def test_what_is_no_report_of_this_type_is_refused(payload: bytes, code: str) -> None:
    with pytest.raises(ManifestError) as refused:
        reports.read(payload, "test-result")
    assert refused.value.problems[0].code == code


PREDICATE = b"""{"predicate": {"a": {"b": 0.10, "c": 1e-3, "d": {"value": "5", "unit": "ms"}}, "t": "x", "y": true,
 "n": null, "l": [1.50, {"k": "\xc3\xa9"}], "a.b": 2}}"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", Value("a.b", "number", "0.10")),
        ("a.c", Value("a.c", "number", "1e-3")),
        ("a.d", Value("a.d", "object", '{"unit":"ms","value":"5"}')),
        ("t", Value("t", "text", "x")),
        ("y", Value("y", "boolean", "true")),
        ("n", Value("n", "null", "null")),
        ("l", Value("l", "list", '[1.50,{"k":"é"}]')),
        ("l.0", Value("l.0", "number", "1.50")),
        ("l.1.k", Value("l.1.k", "text", "é")),
        ("l.2", None),
        ("l.-1", None),
        ("t.x", None),
        ("z", None),
        ("a.", None),
        ("", None),
    ],
)
def test_a_value_is_told_as_it_is_written(path: str, expected: Value | None) -> None:
    assert values_at(PREDICATE, [path]) == ((expected,) if expected else ())


def test_what_is_too_long_to_compare_is_left_out() -> None:
    assert values_at(json.dumps({"predicate": {"t": "x" * 100_001}}).encode(), ["t"]) == ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_lists_and_objects_are_told_as_json_that_means_the_same(value: Any) -> None:
    for found in values_at(json.dumps({"predicate": {"v": value}}).encode(), ["v"]):
        assert found.text == value if found.kind == "text" else json.loads(found.text) == value
