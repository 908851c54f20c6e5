"""What a case says reaches the gates: every fact changes the verdict as it would in the service."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.policy import suites, words
from app.policy.judge import Judged, judge
from app.policy.model import Expected
from app.policy.suites import run
from gates import render
from gates.words import instant
from manifests.located_yaml import Mapping, Node, Sequence, compose
from tests.policy.samples import POLICY, SUITES, TENANT, example, one, shown

FILES = (SUITES / "facts.tests.yaml", SUITES / "rich.tests.yaml")
TESTED, RICH = (run(path) for path in FILES)


@pytest.mark.parametrize("tested", [TESTED, RICH], ids=["facts", "rich"])
def test_the_suite_has_no_mistakes_and_touches_every_rule(tested: suites.Tested) -> None:
    assert tested.problems == ()
    assert tested.untouched == ()
    assert len(tested.judged) > 80


def test_every_gate_is_asked_and_expected_of_somewhere() -> None:
    judged = (*TESTED.judged, *RICH.judged)
    assert set(words.GATES) <= {gate for one in judged for gate in one.case.expect.gates} | {"release", "rule"}
    assert {result.name for one in judged for result in one.verdict.results} == set(words.GATES)


@pytest.mark.parametrize("judged", [*TESTED.judged, *RICH.judged], ids=lambda judged: judged.case.name)
def test_each_fact_is_decided_on(judged: Judged) -> None:
    assert not judged.differences, "\n".join([*judged.differences, render.text(judged.verdict)])


def _keys(node: Node | None) -> set[str]:
    if isinstance(node, Mapping):
        inside = [_keys(entry.value) for entry in node.entries]
        return {entry.key.text for entry in node.entries}.union(*inside)
    return set().union(*(_keys(item) for item in node.items)) if isinstance(node, Sequence) else set()


def test_every_key_of_a_case_is_used_in_a_case() -> None:
    texts = [*(path.read_bytes() for path in FILES), shown("# policy tests").encode()]
    used = set().union(*(_keys(compose(text, "f", words.MAX_BYTES)[0]) for text in texts))
    tables = {name: value for name, value in vars(words).items() if name.endswith("_KEYS")}
    assert {key for keys in tables.values() for key in keys} - used == set()


def test_the_example_of_the_page_comes_out_as_it_says(tmp_path: Path) -> None:
    tested = run(example(tmp_path))
    assert tested.problems == ()
    assert [judged.differences for judged in tested.judged] == [()] * len(tested.judged)
    assert tested.untouched == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("count: 2", "count: 1"),
        ("signature: personal, accept: [cli]", "signature: attested, accept: [command, cli]"),
        ("expires: 72h", "expires: 80h"),
        ("evidence, change, freeze]\n    evidence: [test-result]", "change, freeze]"),
        ("kind: model, ", ""),
        ("2026-12-23", "2026-12-25"),
        ("      - {group: risk-managers, signature: personal, accept: [cli]}\n", ""),
    ],
)
def test_the_example_notices_when_its_policy_is_weakened(old: str, new: str, tmp_path: Path) -> None:
    path = example(tmp_path)
    policy = (tmp_path / "countersign.yaml").read_text()
    assert old in policy
    tests = path.read_text().replace("approvals: [bob, carol]\n    expect: allow", "approvals: [bob]\n    expect: wait")
    path.write_text(tests.replace("release: {kind: config}", "release: {kind: config, environments: production}"))
    (tmp_path / "countersign.yaml").write_text(policy)
    assert run(path).is_as_expected
    (tmp_path / "countersign.yaml").write_text(policy.replace(old, new))
    assert not run(path).is_as_expected


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        (Expected("allow"), "Expected allow, and the verdict is wait, because of approvals."),
        (Expected("wait", {"approvals": "pass"}), "Expected the gate approvals to be pass; it is wait: "),
        (Expected("wait", {"deployment": "pass"}), "Expected the gate deployment to be pass; it was not asked, only "),
        (Expected("wait", {"approvals": "not-asked"}), "Expected the gate approvals to be not-asked; it is wait: "),
        (Expected("wait", {}, ("nobody says this",)), "Expected the verdict to say “nobody says this”; it does not."),
    ],
)
def test_a_difference_says_what_was_expected_and_what_was_found(expected: Expected, difference: str) -> None:
    case = msgspec.structs.replace(one("{name: x, expect: wait}").case, expect=expected)
    differences = judge(case, POLICY, TENANT).differences
    assert len(differences) == 1
    assert differences[0].startswith(difference)


def test_words_are_found_in_any_letter_case_and_over_line_breaks() -> None:
    assert not one('{name: x, expect: {outcome: wait, says: "ARE\\n  missing"}}').differences


def test_without_at_a_case_asks_on_the_same_day_for_ever() -> None:
    assert instant(one("{name: x, expect: wait}").snapshot.at) == "2026-06-01 12:00 UTC"


def test_a_case_says_more_than_its_file_and_loses_nothing_else() -> None:
    release = next(judged for judged in TESTED.judged if judged.case.name == "a draft waits").case.facts.release
    assert release.draft
    assert release.author is not None
    assert release.author.text == "alice"


def test_consents_are_bound_to_the_rule_that_applies() -> None:
    judged = TESTED.judged[0]
    assert {consent.effective_rule for consent in judged.snapshot.consents} == {judged.verdict.effective_rule}
