"""A wrong file of tests is refused as a whole, with every mistake at its place. `§` marks the place in the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.policy.suites import run
from tests.policy.samples import HEAD, SUITES, problems

CASE = "  - {name: x, expect: wait}\n"


def marked(text: str) -> tuple[str, tuple[int, int]]:
    """The text without its mark, and the line and column of the mark."""
    before, _, after = text.partition("§")
    return before + after, (before.count("\n") + 1, len(before) - before.rfind("\n"))


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("cases:\n  - {name: x, §expct: wait}\n", "a key of a case, found 'expct'", "Did you mean `expect`?"),
        ("cases:\n  - §{name: x, expct: wait}\n", "the key `expect` in a case", "Add `expect:`."),
        ("cases:\n  - {name: x, expect: §alow}\n", "one of allow, wait, deny", "Did you mean `allow`?"),
        ("cases:\n  - {name: x, expect: {gates: {§aprovals: pass}, outcome: wait}}\n", "one of", "`approvals`?"),
        ("cases:\n  - {name: x, expect: {outcome: wait, gates: {holds: §ok}}}\n", "one of pass", "Use one of: pass"),
        ("cases: §[]\n", "at least 1 in the list", "Add one"),
        (f"cases:\n{CASE}  - §{{name: x, expect: wait}}\n", "found 'x' again (see line 3)", "Keep one of them."),
        ("given: {approvals: [{by: a, at: §2h ago}]}\n", "a time like -2h or +30m", "Correct it."),
        ("given: {approvals: [§{way: cli}]}\n", "the key `by` in an entry of `approvals`", "Add `by:`."),
        ("given: {holds: [{by: a, §way: cli}]}\n", "found 'way'", "Use one of"),
        ("given: {contributors: [{unknown: §a, who: b}]}\n", "`unknown` alone", "Write two entries."),
        ("given: {release: {path: §../x}}\n", "a path from the root", "Correct it."),
        ("given: {at: §tomorrow}\n", "a time like 2026-12-01T18:00:00Z", "Correct it."),
        ("given: {people: {bob: {bot: §yes}}}\n", "true or false without quotes", "Correct it."),
        ("given: {groups: {g: {members: [§{since: -1d}]}}}\n", "the key `login`", "Add `login:`."),
        ("given: {delegations: [§{by: a}]}\n", "the key `to` in a delegation", "Add `to:`."),
        ("given: {exceptions: [{by: a, type: scan, finding: x, §reason: y}]}\n", "found 'reason'", "Use one of"),
        ("given: {glass: [{by: a, strength: §strong}]}\n", "one of attested, personal", "Use one of"),
        ("given: {checks: [{name: x, conclusion: §sucess}]}\n", "one of success", "Did you mean `success`?"),
        ("given: {checks: {§problm: x}}\n", "found 'problm'", "Did you mean `problem`?"),
        ("given: {release: {unread: [§label]}}\n", "one of labels", "Did you mean `labels`?"),
        ("given: {release: {files: §-1}}\n", "a whole number from 0", "Correct it."),
        ("given: {evidence: [{type: scan, findings: §unknown}]}\n", "expected a list, found 'unknown'", "Rewrite it."),
        ("given: {evidence: [{type: scan, fields: {§.a: 1}}]}\n", "names with dots between them", "Correct it."),
        ("given: {reporting: {managers: {a: §[]}}}\n", "at least 1 in the list", "Add one"),
        ("§polcy: a.yaml\n", "found 'polcy'", "Did you mean `policy`?"),
    ],
)
def test_each_mistake_has_its_place_and_remedy(text: str, message: str, remedy: str) -> None:
    written, place = marked(HEAD + (text if "cases" in text else f"{text}cases:\n{CASE}"))
    found = [one for one in problems(written) if (one.line, one.column) == place]
    assert any(message in one.message and remedy in one.remedy for one in found), problems(written)


def test_all_mistakes_come_at_once() -> None:
    text = f"{HEAD}given: {{seen: now, releas: 1}}\ncases:\n  - {{name: 1, expect: no}}\n"
    assert [problem.line for problem in problems(text)] == [2, 2, 4, 4]


def test_more_cases_than_allowed_are_refused() -> None:
    cases = "".join(f"  - {{name: c{number}, expect: wait}}\n" for number in range(1001))
    assert "at most 1000 cases" in problems(f"{HEAD}cases:\n{cases}")[0].message


def _tested(tmp_path: Path, text: str) -> list[str]:
    for name in ("countersign.yaml", "tenant.yaml"):
        (tmp_path / name).write_bytes((SUITES / name).read_bytes())
    (tmp_path / "t.tests.yaml").write_text(text)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in run(tmp_path / "t.tests.yaml").problems]


SOMEBODY = "somebody who is in a group, under `people`, or has a hand in the release"


def _case(facts: str) -> str:
    return f"{HEAD}tenant: tenant.yaml\ncases:\n  - {{name: x, expect: wait, {facts}}}\n"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("groups: {§developer: [bob]}", "a group that the policies define, found 'developer'. "
         "Did you mean `developers`?"),
        ("approvals: [{by: zoe, groups: [§bord]}]", "a group that the policies define, found 'bord'. "
         "Did you mean `board`?"),
        ("groups: {risk: [dora]}, approvals: [§dorra]", f"{SOMEBODY}, found 'dorra'. Did you mean `dora`?"),
        ("approvals: [§the-ghost]", f"{SOMEBODY}, found 'the-ghost'. Add `the-ghost: {{}}` under `people`."),
        ("lineage: {signed_by: §trainig cluster}", "a signer under `trust`, or stranger, found 'trainig cluster'. "
         "Did you mean `training cluster`?"),
        ("groups: {risk: [dora]}, delegations: [{by: dora, to: §dorra}]", f"{SOMEBODY}, found 'dorra'. "
         "Did you mean `dora`?"),
        ("people: {a: {}}, delegations: [{by: a, to: a, groups: [§bord]}]", "a group that the policies define, "
         "found 'bord'. Did you mean `board`?"),
        ("exceptions: [{by: §the-ghost, type: scan, finding: x}]", f"{SOMEBODY}, found 'the-ghost'. "
         "Add `the-ghost: {}` under `people`."),
        ("glass: [§the-ghost]", f"{SOMEBODY}, found 'the-ghost'. Add `the-ghost: {{}}` under `people`."),
        ("reporting: {unknown: §the-ghost}", f"{SOMEBODY}, found 'the-ghost'. "
         "Add `the-ghost: {}` under `people`."),
        ("approvals: [{by: zoe, shown: [§linage]}]", "lineage, or a type of evidence that the case or a policy names, "
         "found 'linage'. Did you mean `lineage`?"),
        ("evidence: [{type: test-result, signed_by: [§me]}]", "a signer under `trust`, or stranger, found 'me'. "
         "Write `stranger`."),
    ],
)  # fmt: skip
def test_a_name_that_stands_for_nothing_is_a_mistake(tmp_path: Path, facts: str, told: str) -> None:
    text, (line, column) = marked(_case(facts))
    assert _tested(tmp_path, text) == [f"t.tests.yaml:{line}:{column}: Expected {told}"]


def test_members_of_a_group_that_is_made_of_others_are_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "rich.yaml").write_bytes((SUITES / "rich.yaml").read_bytes())
    text = f"{HEAD}policy: rich.yaml\ncases:\n  - {{name: x, expect: wait, groups: {{§careful: [dan]}}}}\n"
    text, (line, column) = marked(text)
    assert _tested(tmp_path, text) == [
        f"t.tests.yaml:{line}:{column}: Expected a group with members of its own, found careful, which is made of "
        "others. Say who is in leads and risk."
    ]


def test_an_account_of_two_persons_is_a_mistake(tmp_path: Path) -> None:
    told = _tested(tmp_path, _case("people: {a: {also: c}, b: {also: c}}"))
    assert told == ["t.tests.yaml:4:1: Expected an account of one person, found c of both a and b. "
                    "Keep it under one of them."]  # fmt: skip


@pytest.mark.parametrize(
    "facts",
    [
        "approvals: [ZOE]",
        "approvals: [author]",
        "people: {bob: {}}, approvals: [bob]",
        "people: {bob: {also: rob}}, holds: [Rob]",
        "contributors: [{who: bob}], rejections: [bob]",
        "lineage: {signed_by: [stranger, training cluster]}",
    ],
)
def test_a_name_that_is_told_elsewhere_is_none(tmp_path: Path, facts: str) -> None:
    assert _tested(tmp_path, _case(facts)) == []


def test_mistakes_in_both_policies_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "countersign.yaml").write_text("schema: countersign/policy/v1\nruls: []\n")
    (tmp_path / "tenant.yaml").write_text("schema: countersign/policy/v1\nfreshnes: 1s\n")
    path = tmp_path / "x.tests.yaml"
    path.write_text(f"{HEAD}tenant: tenant.yaml\ncases:\n{CASE}")
    tested = run(path)
    assert [problem.remedy for problem in tested.problems] == ["Did you mean `freshness`?", "Did you mean `rules`?"]
    assert not tested.is_as_expected
    assert tested.judged == ()
