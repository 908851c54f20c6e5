"""Tests of a policy on bytes, as the check runs them: bounded, total, under the tenant's own policy."""

from __future__ import annotations

import pytest

from app.policy import trial
from app.policy.difference import differences
from manifests.policy import POLICY_PATH, Group, Policy, Rule, Seat, TrustedSigner
from manifests.policy_parser import parse_policy, parse_tenant_policy

TESTS = ".github/countersign.tests.yaml"
TENANT = parse_tenant_policy(
    b"""\
schema: countersign/policy/v1
base_refs: [{repository: acme/other, refs: [trunk]}, {repository: "acme/*", refs: [main]}]
installations: [1]
groups: {auditors: {members: [olga]}}
rules: [{name: auditors see it all, seats: [{group: auditors, signature: attested}]}]
""",
    "tenant.yaml",
)
POLICY = parse_policy(
    b"""\
schema: countersign/policy/v1
groups: {owners: {members: [bob]}}
rules: [{name: owners, when: {kind: model}, seats: [{group: owners, signature: attested}], gates: [rationale]}]
""",
    POLICY_PATH,
)


def suite(*cases: str, more: str = "") -> bytes:
    head = f"schema: countersign/policy-tests/v1\n{more}given: {{release: {{kind: model, author: alice}}}}\ncases:\n"
    return (head + "".join(f"  - {case}\n" for case in cases)).encode()


GOOD = "{name: Bob and Olga, approvals: [bob, olga], expect: allow}"
BAD = "{name: Bob alone, approvals: [bob], expect: allow}"


def run(*files: bytes, in_time: bool = True, path: str = TESTS) -> trial.Trial:
    named = {
        path.replace("tests", f"tests{number}.tests", 1) if number else path: one for number, one in enumerate(files)
    }
    return trial.run(named, POLICY, TENANT, lambda: in_time, "acme/models", "main")


def test_cases_are_decided_under_the_tenants_policy_for_the_repository_itself() -> None:
    tried = run(suite(GOOD))
    assert (tried.files, tried.cases, tried.problems) == (1, 1, ())


@pytest.mark.parametrize(
    ("data", "codes", "says"),
    [
        (suite(GOOD, BAD), ["policy.test_failed"], "The test “Bob alone” came out otherwise: Expected allow, and"),
        (suite("{name: x, expect: perhaps}"), ["field.choice"], "perhaps"),
        (b"cases: [", ["yaml.syntax"], ""),
        (suite("{name: x, approvals: [zoe], expect: wait}"), ["cases.unknown_name"], "zoe"),
    ],
    ids=["another verdict", "a mistake", "no YAML", "a name that stands for nothing"],
)
def test_what_is_wrong_is_told_with_its_place(data: bytes, codes: list[str], says: str) -> None:
    found = run(data).problems
    assert [(one.code, one.path) for one in found] == [(code, TESTS) for code in codes]
    assert says in found[0].message
    assert found[0].line


def test_tests_of_another_policy_are_left_alone() -> None:
    assert run(suite(BAD, more="policy: another.yaml\n")) == trial.Trial()


def test_only_files_beside_the_policy_are_its_tests() -> None:
    there = (TESTS, ".github/risk.tests.yaml", ".github/x/risk.tests.yaml", "risk.tests.yaml", POLICY_PATH)
    assert [trial.is_tests(path) for path in there] == [True, True, False, False, False]


def test_too_many_cases_and_too_much_time_are_refused() -> None:
    many = [f"{{name: case {number}, expect: wait}}" for number in range(trial.MAX_CASES + 1)]
    assert [one.code for one in run(suite(*many)).problems] == ["policy.tests_too_many"]
    late = run(suite(GOOD), in_time=False)
    assert (late.cases, [one.code for one in late.problems]) == (0, ["policy.tests_too_slow"])


def test_no_more_problems_are_told_than_somebody_reads() -> None:
    failing = [f"{{name: case {number}, expect: allow}}" for number in range(trial.MAX_PROBLEMS + 5)]
    found = run(suite(*failing)).problems
    assert len(found) == trial.MAX_PROBLEMS + 1
    assert found[-1].message == "5 more came out otherwise."


def test_what_changed_is_told_part_by_part() -> None:
    one, other = Rule("kept", seats=(Seat("a"),)), Rule("kept", seats=(Seat("a", 2),), expires=60)
    before = Policy("s", {"a": Group(members=("x",))}, {}, (one, Rule("gone")))
    after = Policy("s", {"a": Group(members=("y",))}, {"sbom": (TrustedSigner("k", "w"),)}, (other, Rule("new")))
    assert differences(before, after) == (
        "removes the rule gone",
        "changes the rule kept: seats and expires",
        "adds the rule new",
        "changes the group a: members",
        "adds the trust in signers of sbom",
    )
    assert differences(after, after) == ()
    assert differences(None, Policy("s", rules=tuple(Rule(f"r{n}") for n in range(50))))[-1] == "20 more changes"
