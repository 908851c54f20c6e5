"""A policy may take in others by their digest; together they are read as one, and each mistake tells its own file."""

from __future__ import annotations

import hashlib

import pytest

from manifests.errors import ManifestError, Problem
from manifests.policy import Group, Include, Policy
from manifests.policy_parser import includes_of, parse_policy
from manifests.policy_parser_forms import MAX_INCLUDES
from tests.manifests.documents.samples import POLICY, RICH, TENANT, codes, edited, marked, tenant_problems

BASE = """\
schema: countersign/policy/v1
defaults: {expires: 24h}
groups:
  board: {members: [dora]}
rules:
  - {name: board, when: {kind: policy}, seats: [{group: board}, {group: owners}], gates: [rationale]}
freezes:
  - {name: year end, start: 2026-12-20T00:00:00Z, end: 2027-01-05T00:00:00Z}
"""
OWN = """\
schema: countersign/policy/v1
include:
  - {path: policies/base.yaml, sha256: DIGEST}
groups:
  owners: {members: [alice]}
rules:
  - {name: own, seats: [{group: board}], gates: [rationale]}
"""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def including(base: str = BASE, own: str = OWN) -> str:
    return own.replace("DIGEST", f'"{digest(base)}"')


def parse(text: str, *files: str) -> Policy:
    return parse_policy(text.encode(), "own.yaml", (), {digest(file): file.encode() for file in files})


def problems(text: str, *files: str) -> tuple[Problem, ...]:
    with pytest.raises(ManifestError) as caught:
        parse(text, *files)
    return caught.value.problems


def test_everything_of_an_included_file_is_part_of_the_policy() -> None:
    found = parse(including(), BASE)
    assert found.groups == {"board": Group(members=("dora",)), "owners": Group(members=("alice",))}
    assert [rule.name for rule in found.rules] == ["board", "own"]
    assert [freeze.name for freeze in found.freezes] == ["year end"]
    assert found.include == (Include("policies/base.yaml", digest(BASE)),)


def test_defaults_count_only_in_the_file_that_they_stand_in() -> None:
    assert [rule.expires for rule in parse(including(), BASE).rules] == [24 * 3600, 72 * 3600]


def test_trusted_types_of_all_files_are_what_the_gate_evidence_asks_for() -> None:
    start, end = POLICY.index("trust:"), POLICY.index("rules:")
    base = "schema: countersign/policy/v1\n" + POLICY[start:end]
    own = edited(POLICY[:start] + POLICY[end:], "groups:", "include: [{path: a, sha256: DIGEST}]\ngroups:")
    assert parse(including(base, own), base).rules[0].evidence == ("test-result",)


def test_a_file_that_is_not_given_is_told_where_it_is_named() -> None:
    text, place = marked(OWN, "sha256: DIGEST", f'sha256: ‸"{digest(BASE)}"')
    (problem,) = problems(text)
    assert (problem.code, problem.path, (problem.line, problem.column)) == ("policy.include_missing", "own.yaml", place)


def test_a_file_with_other_bytes_is_refused() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_policy(including().encode(), "own.yaml", ("board",), {digest(BASE): b"# altered\n" + BASE.encode()})
    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == ("policy.include_altered", 3)
    assert digest("# altered\n" + BASE) in problem.remedy


def test_mistakes_in_an_included_file_carry_its_path_and_follow_those_of_the_policy() -> None:
    base = edited(BASE, "24h", "1 day")
    own = edited(OWN, "name: own, ", "name: own, expires: 1, ")
    assert [(p.path, p.line, p.column) for p in problems(including(base, own), base)] == [
        ("own.yaml", 7, 26),
        ("policies/base.yaml", 2, 21),
    ]


@pytest.mark.parametrize("base", ["", "a: [", "[]", "schema: countersign/policy/v1\ninclude: []\n"])
def test_an_included_file_that_is_no_policy_is_told_by_its_path(base: str) -> None:
    found = problems(including(base), base)
    assert "policies/base.yaml" in {problem.path for problem in found}


def test_files_of_other_repositories_are_told_with_them() -> None:
    base = edited(BASE, "24h", "1 day")
    own = edited(OWN, "path: policies/base.yaml", "path: policies/base.yaml, repository: acme/rules, ref: v1")
    assert "acme/rules:policies/base.yaml" in {problem.path for problem in problems(including(base, own), base)}


@pytest.mark.parametrize(
    ("own", "code", "place"),
    [
        (edited(OWN, "  owners:", "  board: {members: [bob]}\n  owners:"), "policy.defined_twice", (5, 3)),
        (edited(OWN, "name: own", "name: board"), "policy.rule_twice", (7, 12)),
        (
            OWN + "freezes:\n  - {name: year end, start: 2026-12-21T00:00:00Z, end: 2027-01-05T00:00:00Z}\n",
            "policy.defined_twice",
            (9, 12),
        ),
    ],
)
def test_a_name_that_means_two_things_is_refused(own: str, code: str, place: tuple[int, int]) -> None:
    (problem,) = problems(including(own=own), BASE)
    assert (problem.code, problem.path, (problem.line, problem.column)) == (code, "own.yaml", place)


def test_a_trusted_type_that_two_files_define_differently_is_refused() -> None:
    base = "schema: countersign/policy/v1\n" + POLICY[POLICY.index("trust:") : POLICY.index("rules:")]
    own = edited(POLICY, "groups:", "include: [{path: a, sha256: DIGEST}]\ngroups:")
    assert parse(including(base, own), base).trust.keys() == {"lineage", "test-result"}
    own = edited(own, "who: back-test service", "who: somebody else")
    assert codes(problems(including(base, own), base)) == ["policy.defined_twice"]


def test_the_same_definition_twice_is_one() -> None:
    own = edited(OWN, "  owners:", "  board: {members: [dora]}\n  owners:")
    assert len(parse(including(own=own), BASE).groups) == 2


def test_a_circle_of_groups_through_two_files_is_found() -> None:
    base = edited(BASE, "{members: [dora]}", "{any_of: [owners]}")
    own = edited(OWN, "{members: [alice]}", "{any_of: [board]}")
    assert codes(problems(including(base, own), base)) == ["policy.group_circle"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("path: policies/base.yaml, ", "path: ‸../base.yaml, ", "field.path"),
        ("path: policies/base.yaml, ", "path: ‸/base.yaml, ", "field.path"),
        ("path: policies/base.yaml, ", "path: ‸.git/config, ", "field.path"),
        ("{path: policies/base.yaml, ", "‸{", "field.missing"),
        ("path: policies/base.yaml, ", "path: a, repository: ‸acme/*, ref: v1, ", "field.form"),
        ("{path: policies/base.yaml, ", "‸{path: a, repository: acme/rules, ", "policy.include_ref"),
        ("path: policies/base.yaml, ", "path: a, ref: ‸a..b, ", "field.form"),
        ("path: policies/base.yaml, ", "path: a, ‸sha: b, ", "field.unknown"),
        ("sha256: DIGEST", "sha256: ‸abc", "field.form"),
    ],
)
def test_what_names_a_file_is_judged(old: str, new: str, code: str) -> None:
    text, place = marked(OWN, old, new)
    found = [problem for problem in problems(including(own=text)) if problem.code != "policy.include_missing"]
    assert [(p.code, (p.line, p.column)) for p in found] == [(code, place)]


def test_a_file_is_named_once_and_files_are_bounded_in_number() -> None:
    entry = OWN.splitlines(keepends=True)[2]
    twice = edited(OWN, entry, entry + entry)
    assert codes(problems(including(own=twice), BASE)) == ["field.duplicate"]
    many = "".join(f'  - {{path: a, sha256: "{digest(str(number))}"}}\n' for number in range(MAX_INCLUDES + 1))
    assert "field.length" in codes(problems(edited(OWN, entry, many)))


def test_the_tenant_policy_includes_nothing() -> None:
    assert codes(tenant_problems(TENANT + f"include: [{{path: a, sha256: {digest(BASE)}}}]\n")) == ["field.unknown"]


def test_what_a_policy_includes_is_told_before_it_is_read() -> None:
    assert includes_of(including().encode(), "p") == (Include("policies/base.yaml", digest(BASE)),)
    other = edited(including(), "policies/base.yaml", "a, repository: acme/rules, ref: v1")
    assert includes_of(other.encode(), "p") == (Include("a", digest(BASE), "acme/rules", "v1"),)
    escaped = edited(including(), "include:", '"incl\\u0075de":')
    assert includes_of(escaped.encode(), "p") == (Include("policies/base.yaml", digest(BASE)),)


@pytest.mark.parametrize("text", [POLICY, RICH, "", "include: [", "include: 1", "[include]", "include: [{path: a}]"])
def test_where_nothing_can_be_told_nothing_is_included(text: str) -> None:
    assert includes_of(text.encode(), "p") == ()
