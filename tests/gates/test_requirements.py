"""What reports have to say: every report of the type, every comparison."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from gates.evidence import evidence
from gates.model import Field
from gates.terms import TrustTerms
from manifests.policy import TrustedSigner
from manifests.policy_terms import Comparison, Requirement
from manifests.release import EvidenceReference
from tests.gates.asking import ask, hold
from tests.gates.builders import BACKTEST, BACKTEST_KEY, DAY, HOUR, NOW, alter

RATE = Comparison("metrics.breach_rate", "number", "<=", ("0.6 %",))
AGE = Comparison("made_at", "age", "<", ("86400",))
FIELDS = (Field("metrics.breach_rate", "text", "0.4 %"), Field("made_at", "text", "2026-11-20T17:00:00Z"))
SECOND_REPORT = EvidenceReference("test-result", "evidence/second.dsse.json")
BOTH = {"release.manifest.evidence": lambda found: (*found, SECOND_REPORT)}


class Row(NamedTuple):
    behaviour: str
    changes: dict[str, Any]
    status: str
    says: str = ""
    comparisons: tuple[Comparison, ...] = (RATE, AGE)
    type: str = "test-result"


def told(**fields: str) -> tuple[Field, ...]:
    given = {field.path: field for field in FIELDS}
    for path, text in fields.items():
        name = "metrics.breach_rate" if path == "rate" else path
        given[name] = alter(given[name], text=text)
    return tuple(given.values())


WORSE = alter(BACKTEST, path=SECOND_REPORT.path, fields=told(rate="0.7 %"))

ROWS = (
    Row("everything is as asked", {}, "pass", "covers every artifact and says what the rule requires"),
    Row("one field is not", {"evidence.0.fields": told(rate="1.4 %")}, "fail", "In evidence/backtest.dsse.json, metr"),
    Row("the other is not", {"evidence.0.fields": told(made_at="2026-11-19T18:00:00Z")}, "fail", "less than 24 hours"),
    Row("no fields were read", {"evidence.0.fields": ()}, "fail", "metrics.breach_rate is missing"),
    Row(
        "a second report is worse",
        {**BOTH, "evidence": (alter(BACKTEST, fields=FIELDS), WORSE)},
        "fail",
        "In evidence/second.dsse.json, metrics.breach_rate is 0.7 %",
    ),
    Row(
        "a second report without the field",
        {**BOTH, "evidence": (alter(BACKTEST, fields=FIELDS), alter(BACKTEST, path=SECOND_REPORT.path))},
        "fail",
        "metrics.breach_rate is missing",
    ),
    Row("what an untrusted report says is not told", {"evidence.0.signers": ()}, "fail", "not signed by a key"),
    Row("a failed report with good fields", {"evidence.0.result": "FAILED"}, "fail", "only PASSED counts"),
    Row("a type that only the requirement names", {}, "fail", "names no evidence of the type bias", type="bias"),
    Row("nothing is compared", {"evidence.0.fields": ()}, "pass", "covers every artifact.", comparisons=()),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_requirements(row: Row) -> None:
    terms = {"requirements": (Requirement(row.type, row.comparisons),)}
    hold(ask(evidence, terms, {"evidence.0.fields": FIELDS, **row.changes}), row.status, row.says)


def test_several_requirements_all_count() -> None:
    other = Requirement("test-result", (Comparison("metrics.breach_rate", "number", "<=", ("0.3 %",)),))
    terms = {"requirements": (Requirement("test-result", (RATE,)), other)}
    hold(ask(evidence, terms, {"evidence.0.fields": FIELDS}), "fail", "at most 0.3 %")


def test_the_age_of_a_report_says_when_it_runs_out() -> None:
    terms = {"requirements": (Requirement("test-result", (AGE,)),)}
    assert ask(evidence, terms, {"evidence.0.fields": FIELDS}).changes_at == (NOW - HOUR + DAY,)


def test_what_one_type_has_to_say_is_not_asked_of_another() -> None:
    bias = EvidenceReference("bias", "evidence/bias.dsse.json")
    report = alter(BACKTEST, path=bias.path, type="bias", fields=(Field("parity", "number", "0.9"),))
    terms = {
        "evidence": ("bias", "test-result"),
        "requirements": (
            Requirement("test-result", (RATE,)),
            Requirement("bias", (Comparison("parity", "number", ">=", ("0.8",)),)),
        ),
        "trust": tuple(TrustTerms(type, (TrustedSigner(BACKTEST_KEY, "service"),)) for type in ("bias", "test-result")),
    }
    both = (alter(BACKTEST, fields=FIELDS), report)
    changes = {"release.manifest.evidence": lambda found: (*found, bias), "evidence": both}
    hold(ask(evidence, terms, changes), "pass")


def test_what_nobody_trusted_signed_is_not_compared() -> None:
    terms = {"requirements": (Requirement("test-result", (RATE, AGE)),)}
    finding = ask(evidence, terms, {"evidence.0.fields": told(rate="1.4 %"), "evidence.0.signers": ()})
    assert len(finding.result.children) == 1
    assert finding.changes_at == ()
