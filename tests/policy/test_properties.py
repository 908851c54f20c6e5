"""Whatever a case says, there is a verdict, and every way of telling it works."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import jsonschema_rs
from hypothesis import HealthCheck, given, settings

from app.policy import answer, junit, report
from app.policy import suites as files
from app.policy.cases import parse_cases
from app.policy.judge import judge
from app.policy.schema import cases_schema
from gates.decide import decide
from manifests.policy import Policy, TenantPolicy
from tests.policy.samples import POLICY, RICH, TENANT
from tests.policy.strategies import Document, suites

VALIDATOR = jsonschema_rs.validator_for(cases_schema())


def _tested(document: Document, policy: Policy, tenant: TenantPolicy | None) -> files.Tested:
    suite = parse_cases(json.dumps(document).encode(), "t.yaml")
    return files.Tested(
        files.Source("t.yaml", "0" * 64), judged=tuple(judge(case, policy, tenant) for case in suite.cases)
    )


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(suites())
def test_every_case_gives_a_verdict_and_no_gate_breaks(document: Document) -> None:
    for policy, tenant in ((POLICY, TENANT), (RICH, None), (Policy(""), TenantPolicy(""))):
        for one in _tested(document, policy, tenant).judged:
            assert one.verdict.outcome in ("allow", "wait", "deny")
            assert not any(" broke (" in result.summary for result in one.verdict.results)
            assert decide(one.policies, one.snapshot) == one.verdict


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(suites())
def test_every_way_of_telling_it_works(document: Document) -> None:
    tested = [_tested(document, RICH, TENANT)]
    cases = [case["name"] for case in document["cases"]]
    told = json.loads(answer.tests(tested))
    assert [case["name"] for case in told["files"][0]["cases"]] == cases
    found = ElementTree.fromstring(junit.document(tested))
    assert [case.get("name") for case in found.iter("testcase")] == cases
    lines = report.markdown(tested).splitlines()
    assert sum(line.startswith("### ") for line in lines) == len(cases)
    assert told["summary"] in report.text(tested)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(suites())
def test_what_the_reader_accepts_the_schema_accepts(document: Document) -> None:
    parse_cases(json.dumps(document).encode(), "t.yaml")
    assert VALIDATOR.is_valid(document), [error.message for error in VALIDATOR.iter_errors(document)]
