"""Findings stop a release unless somebody independent answers for them, for these artifacts and for a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from gates.findings import findings
from gates.model import FindingException, FoundIssue, GroupFacts, NamedDigest
from gates.terms import GroupTerms, TrustTerms
from manifests.policy import Group, TrustedSigner
from manifests.policy_terms import FindingsRule
from manifests.release import EvidenceReference
from tests.gates.asking import ask, case, hold
from tests.gates.builders import (
    ALICE,
    BACKTEST,
    BACKTEST_KEY,
    DAY,
    HOUR,
    NOW,
    POLICIES,
    PROPOSED,
    RISK,
    SECOND,
    SENIORS,
    SNAPSHOT,
    alter,
    consent,
    member,
    rule_of,
    sha,
)  # fmt: skip

IVY, JACK = member(20, "Ivy"), member(21, "Jack", since=PROPOSED)
SECURITY = GroupFacts("security", (IVY, JACK, ALICE), NOW - SECOND)
TYPE = "test-result"
RULE = FindingsRule("high", (TYPE,), "security", 30 * 86_400)
DEFINED = (*rule_of(POLICIES, SNAPSHOT).groups, GroupTerms("security", Group(github_team="acme/security")))
MINOR, GRAVE = FoundIssue("CVE-1", "medium"), FoundIssue("CVE-2", "critical", "a heap overflow")
EXCEPTION = consent(
    IVY, "security", id="exception", decision="except", exception=FindingException(TYPE, "CVE-2", "no network there")
)


class Row(NamedTuple):
    behaviour: str
    found: tuple[FoundIssue, ...] | None
    status: str
    says: str = ""
    changes: dict[str, Any] = {}  # noqa: RUF012
    rule: FindingsRule = RULE
    exceptions: tuple[Any, ...] = ()


def given(*exceptions: Any) -> dict[str, Any]:
    return {"groups": (SENIORS, RISK, SECURITY), "consents": lambda old: (*old, *exceptions)}


def asked(row: Row) -> Any:
    changes = {"evidence.0.findings": row.found, **given(*row.exceptions), **row.changes}
    return ask(findings, {"findings": (row.rule,), "groups": DEFINED}, changes)


SECOND_SCAN = EvidenceReference(TYPE, "evidence/second.json")
BOTH = {"release.manifest.evidence": lambda found: (*found, SECOND_SCAN)}

SCANS = (
    Row("nothing found", (), "pass", "No finding in test-result is as severe as the rule stops"),
    Row("nothing so severe", (MINOR,), "pass"),
    Row("just as severe", (FoundIssue("A", "high"),), "fail", "has the high finding A, and high or worse stops"),
    Row("worse", (MINOR, GRAVE), "fail", "the critical finding CVE-2 (a heap overflow)"),
    Row("of a word that is not known", (FoundIssue("A", "negligible"),), "fail", "the negligible finding A"),
    Row("of no word", (FoundIssue("A", ""),), "fail", "the unrated finding A"),
    Row("low stops too", (FoundIssue("A", "low"),), "fail", "", rule=alter(RULE, severity="low")),
    Row("no list of findings", None, "fail", "no list of findings that can be read"),
    Row("a scan that failed by itself is read all the same", (), "pass", "", {"evidence.0.result": "FAILED"}),
    Row("no scan named", (), "fail", "names no evidence of the type", {"release.manifest.evidence": ()}),
    Row("no scan there", (), "fail", "is missing", {"evidence": ()}),
    Row("an untrusted scan", (), "fail", "not signed by a key", {"evidence.0.signers": ()}),
    Row("signed by the requester", (), "fail", "had a hand in", {"evidence.0.signer_people": ("p-alice",)}),
    Row("about another model", (), "fail", "missing is policy.pt", {"evidence.0.subjects": ()}),
    Row("a second scan is missing", (), "fail", "second.json is missing", BOTH),
    Row(
        "a second scan found it",
        (),
        "fail",
        "evidence/second.json has the critical finding CVE-2",
        {**BOTH, "evidence": (alter(BACKTEST, findings=()), alter(BACKTEST, path=SECOND_SCAN.path, findings=(GRAVE,)))},
    ),
)

EXCEPTIONS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("granted", {}, "waived", "Ivy excepts it until 2026-11-23 16:00 UTC, because of: no network there"),
    ("at another head", {"head_sha": "0" * 40}, "waived", ""),
    ("of another revision", {"revision": "0" * 64}, "waived", ""),
    ("under another rule", {"effective_rule": "0" * 64}, "waived", ""),
    ("for other artifacts", {"artifacts": (sha("other"),)}, "fail", "does not name the artifact policy.pt"),
    ("for more artifacts", {"artifacts": (sha("other"), *EXCEPTION.artifacts)}, "waived", ""),
    ("for another release", {"pull_number": 8}, "fail", "Ivy's exception does not count: it was given for another"),
    ("in another repository", {"repository_id": 8}, "fail", "another release"),
    ("of another manifest", {"manifest_path": "x"}, "fail", "another release"),
    ("into another branch", {"base_ref": "next"}, "fail", "merging into next"),
    ("for another environment", {"environments": ("staging",)}, "fail", "it was given for staging"),
    ("of another finding", {"exception": FindingException(TYPE, "CVE-3", "x")}, "fail", "critical finding CVE-2"),
    ("of another type", {"exception": FindingException("scan", "CVE-2", "x")}, "fail", "critical finding CVE-2"),
    ("without a control", {"exception": FindingException(TYPE, "CVE-2", " ")}, "fail", "names no control"),
    ("without terms", {"exception": None}, "fail", "critical finding CVE-2"),
    ("an approval is none", {"decision": "approve"}, "fail", "critical finding CVE-2"),
    ("void", {"void": "withdrawn"}, "fail", "it is void: withdrawn"),
    ("altered", {"difference": "x"}, "fail", "its record does not bear it out"),
    ("by a bot", {"kind": "Bot"}, "fail", "not made by a human's own hand"),
    ("signed too weakly", {"strength": "attested"}, "fail", "signed as attested, and production asks for personal"),
    ("with a passkey", {"strength": "passkey"}, "waived", ""),
    ("by a stranger", {"account": "github:99"}, "fail", "not a member of security now"),
    ("for another group", {"groups": ("risk-managers",)}, "fail", "did not belong to security when granting it"),
    ("by a new member", {"account": JACK.account, "person": JACK.person}, "fail", "only since"),
    ("by the requester", {"account": ALICE.account, "person": ALICE.person}, "fail", "they asked for this release"),
    ("by another account of the requester", {"person": ALICE.person}, "fail", "they asked for this release"),
    ("by who built it", {"account": "github:9", "person": "p-oscar"}, "fail", "they triggered its build"),
    ("over", {"not_after": NOW}, "fail", "Ivy's exception ended at 2026-11-20 18:00 UTC"),
    ("longer than the rule lets it", {"issued_at": NOW - 30 * DAY}, "fail", "ended at 2026-11-20 18:00 UTC"),
    ("still to begin", {"issued_at": NOW + 1}, "fail", "begins at"),
    ("begins now", {"issued_at": NOW}, "waived", ""),
)


@pytest.mark.parametrize("row", SCANS, ids=lambda row: row.behaviour)
def test_scans(row: Row) -> None:
    hold(asked(row), row.status, row.says)


@pytest.mark.parametrize(
    ("fields", "status", "says"), [row[1:] for row in EXCEPTIONS], ids=[row[0] for row in EXCEPTIONS]
)
def test_exceptions(fields: dict[str, Any], status: str, says: str) -> None:
    hold(asked(Row("", (MINOR, GRAVE), "", exceptions=(alter(EXCEPTION, **fields),))), status, says)


def test_a_finding_without_an_id_cannot_be_excepted() -> None:
    nameless = alter(EXCEPTION, exception=FindingException(TYPE, "", "x"))
    hold(asked(Row("", (FoundIssue("", "high"),), "", exceptions=(nameless,))), "fail", "(without an id)")


def test_each_finding_needs_an_exception_of_its_own() -> None:
    other = FoundIssue("CVE-9", "high")
    hold(asked(Row("", (GRAVE, other), "", exceptions=(EXCEPTION,))), "fail", "high finding CVE-9")


def test_no_exception_counts_where_the_rule_lets_nobody_grant_one() -> None:
    row = Row("", (GRAVE,), "", rule=alter(RULE, exceptions_by=None), exceptions=(EXCEPTION,))
    hold(asked(row), "fail", "the rule lets nobody grant one")


def test_an_unreadable_group_grants_nothing() -> None:
    broken = {"groups": (SENIORS, RISK, alter(SECURITY, problem="502"))}
    hold(asked(Row("", (GRAVE,), "", "", broken, exceptions=(EXCEPTION,))), "fail", "cannot be relied on: 502")


def test_a_group_that_is_not_defined_grants_nothing() -> None:
    changes = {"evidence.0.findings": (GRAVE,), **given(EXCEPTION)}
    hold(ask(findings, {"findings": (RULE,)}, changes), "fail", "the group security is not defined")


def test_the_stricter_of_two_rules_counts() -> None:
    changes = {"evidence.0.findings": (GRAVE,), **given(alter(EXCEPTION, groups=("risk-managers", "security")))}
    both = (RULE, alter(RULE, exceptions_by="risk-managers"))
    hold(ask(findings, {"findings": both, "groups": DEFINED}, changes), "fail", "not a member of risk-managers")


def test_an_exception_says_when_it_begins_and_ends() -> None:
    short = alter(EXCEPTION, not_after=NOW + HOUR)
    finding = asked(Row("", (GRAVE,), "", exceptions=(short,)))
    assert [moment for moment in finding.changes_at if moment > NOW] == [NOW + HOUR]
    assert [child.status for child in finding.result.children] == ["waived"]
    later = asked(Row("", (GRAVE,), "", exceptions=(alter(EXCEPTION, issued_at=NOW + 5),)))
    assert NOW + 5 in later.changes_at


def test_the_gate_without_terms_fails() -> None:
    hold(findings(case({})), "fail", "No rule says which findings")


def test_only_members_are_asked_to_act_by_the_name_of_their_group() -> None:
    result = asked(Row("", (GRAVE,), "")).result
    assert [child.who for child in result.children] == ["security"]


def test_thousands_of_findings_are_told_by_the_first_hundred_and_the_number_of_the_rest() -> None:
    found = tuple(FoundIssue(f"CVE-{number}", "critical") for number in range(3000))
    result = ask(findings, {"findings": (RULE,), "groups": DEFINED}, {"evidence.0.findings": found}).result
    assert result.status == "fail"
    assert (len(result.children), result.children[-1].summary) == (101, "2900 more are left out here.")


def test_every_type_and_every_rule_is_judged_whatever_the_last_of_them_finds() -> None:
    other = "licence-report"
    types = alter(RULE, types=(TYPE, other))
    clean = alter(BACKTEST, type=other, path="evidence/licences.json", findings=())
    named = EvidenceReference(other, "evidence/licences.json")
    trust = {"trust": (*rule_of(POLICIES, SNAPSHOT).trust, TrustTerms(other, (TrustedSigner(BACKTEST_KEY, "desk"),)))}
    changes = {
        "evidence.0.findings": (GRAVE,), "evidence": lambda found: (*found, clean),
        "release.manifest.evidence": lambda found: (*found, named), **given(),
    }  # fmt: skip
    for terms in ((types,), (RULE, alter(RULE, types=(other,)))):
        result = ask(findings, {"findings": terms, "groups": DEFINED, **trust}, changes)
        hold(result, "fail", "critical finding CVE-2")


def test_an_exception_that_does_not_count_hides_no_other() -> None:
    useless = alter(EXCEPTION, id="a", not_after=NOW)
    nothing = alter(EXCEPTION, id="b", exception=None)
    foreign = alter(EXCEPTION, id="c", exception=FindingException("licences", "CVE-2", "x"))
    for first in (useless, nothing, foreign):
        for order in ((first, EXCEPTION), (EXCEPTION, first)):
            hold(asked(Row("", (GRAVE,), "", exceptions=order)), "waived", "Ivy excepts it")


def test_a_scan_whose_findings_are_excepted_still_has_to_be_about_every_artifact() -> None:
    about_less = {"evidence.0.subjects": (NamedDigest("other.bin", sha("other")),)}
    hold(asked(Row("", (GRAVE,), "", "", about_less, exceptions=(EXCEPTION,))), "fail", "is about every artifact")
    hold(asked(Row("", (), "", "", about_less)), "fail", "is about every artifact")
