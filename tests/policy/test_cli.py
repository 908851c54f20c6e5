"""`countersign policy` as a user meets it: arguments in, exit code, text and files out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from app.cli.main import main
from manifests.canonical import sha256_hex
from tests.policy.samples import HEAD, SUITES, example


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def policy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs in a folder that has the page's example under `.github`."""
    (tmp_path / ".github").mkdir()
    example(tmp_path / ".github")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["countersign", "policy", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 1, shown.out, shown.err)

    return run


def _write(path: str, text: str) -> None:
    Path(path).write_text(text)


def test_a_valid_policy_is_found_without_arguments(policy: Command) -> None:
    assert policy("validate") == (0, "✓ .github/countersign.yaml: a valid policy\n", "")


def test_every_mistake_is_shown_with_its_place_and_remedy(policy: Command) -> None:
    _write("a.yaml", "schema: countersign/policy/v1\nruls: []\nfreezes: [{nme: x}]\n")
    ended = policy("validate", "a.yaml", ".github/countersign.yaml")
    assert ended.code == 1
    assert [line.split(" ")[1] for line in ended.out.splitlines() if line.startswith("✗")] == [
        "a.yaml:2:1:", "a.yaml:3:11:", "a.yaml:3:11:", "a.yaml:3:11:", "a.yaml:3:12:",
    ]  # fmt: skip
    assert "Did you mean `rules`?" in ended.out
    assert ended.out.endswith("✓ .github/countersign.yaml: a valid policy\n")


def test_validation_as_json(policy: Command) -> None:
    _write("a.yaml", "schema: countersign/policy/v1\nruls: []\n")
    ended = policy("validate", "a.yaml", "none.yaml", "--json")
    told = json.loads(ended.out)
    assert (ended.code, told["valid"]) == (1, False)
    first, second = told["files"]
    assert first["sha256"] == sha256_hex(Path("a.yaml").read_bytes())
    assert (first["problems"][0]["code"], first["problems"][0]["line"]) == ("field.unknown", 2)
    assert "No such file" in second["unreadable"]


def test_what_cannot_be_read_is_neither_valid_nor_invalid(policy: Command) -> None:
    ended = policy("validate", "none.yaml")
    assert (ended.code, ended.out) == (3, "")
    assert "none.yaml cannot be read: No such file or directory." in ended.err


@pytest.mark.parametrize(
    ("tenant", "code", "told"),
    [
        ("groups: {risk: {members: [dora]}}\n", 0, "✓ a.yaml"),
        ("groups: {risk: {members: [dora]}, own: {members: [x]}}\n", 1, "a.yaml:3:3: Expected the group own as the"),
        ("groups: {own: {members: [bob]}}\n", 1, "expected a defined group, found 'risk'"),
        ("grups: {}\n", 1, "tenant.yaml:2:1"),
    ],
)
def test_the_tenant_policy_is_checked_too(policy: Command, tenant: str, code: int, told: str) -> None:
    schema = "schema: countersign/policy/v1\n"
    _write("tenant.yaml", schema + tenant)
    _write("a.yaml", f"{schema}groups:\n  own: {{members: [bob]}}\nrules: [{{name: r, seats: [{{group: risk}}]}}]\n")
    ended = policy("validate", "a.yaml", "--tenant", "tenant.yaml")
    assert ended.code == code
    assert told in ended.out
    assert ("'risk'" in ended.out) == ("found 'risk'" in told), "unknown only where the tenant policy can be read"


def test_a_tenant_policy_alone(policy: Command) -> None:
    Path(".github/countersign.yaml").unlink()
    ended = policy("validate", "--tenant", str(SUITES / "tenant.yaml"))
    assert ended.code == 0
    assert ended.out.endswith("tenant.yaml: a valid tenant policy\n")


def test_cases_are_found_without_arguments(policy: Command) -> None:
    ended = policy("test")
    assert ended.code == 0
    assert ended.out.endswith("15 cases came out as expected.\n")


def _break() -> None:
    path = Path(".github/countersign.tests.yaml")
    text = path.read_text().replace("dora, way: cli}]\n    expect: allow", "dora, way: cli}]\n    expect: deny", 1)
    path.write_text(text)


def test_a_case_that_comes_out_otherwise_is_explained(policy: Command) -> None:
    _break()
    ended = policy("test")
    assert ended.code == 1
    assert "✗ a developer and a risk manager suffice" in ended.out
    assert "Expected deny, and the verdict is allow." in ended.out
    assert (
        "✅ approvals: Every seat is filled: dora (risk-managers, personal) and bob (senior-developers, attested)"
        in ended.out
    )
    assert "1 of 15 cases came out otherwise than expected." in ended.out


def test_verdicts_as_json(policy: Command) -> None:
    _break()
    ended = policy("test", "--json")
    told = json.loads(ended.out)
    (file,) = told["files"]
    assert (ended.code, told["as_expected"], file["as_expected"]) == (1, False, False)
    assert [case["name"] for case in file["cases"] if not case["as_expected"]] == [
        "a developer and a risk manager suffice"
    ]
    assert file["cases"][0]["verdict"]["outcome"] == "allow"
    assert file["policy"]["sha256"] == sha256_hex(Path(".github/countersign.yaml").read_bytes())


def test_junit_for_ci(policy: Command) -> None:
    _break()
    assert policy("test", "--junit", "out.xml").code == 1
    (suite,) = ElementTree.parse("out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("15", "1", "0")
    failed = [case for case in suite.iter("testcase") if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == ["a developer and a risk manager suffice"]
    assert failed[0].get("line") == "9"


def test_mistakes_in_the_documents_are_one_error_in_junit(policy: Command) -> None:
    _write("x.tests.yaml", f"{HEAD}cases: []\n")
    assert policy("test", "x.tests.yaml", "--junit", "out.xml").code == 1
    (suite,) = ElementTree.parse("out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "1")


def test_the_report_is_for_a_reader(policy: Command) -> None:
    assert policy("test", "--report", "out.md").code == 0
    report = Path("out.md").read_text().replace("\\", "").replace("\u200b", "")
    for line in (
        "✅ 15 cases came out as expected.",
        f"| policy | .github/countersign.yaml | `{sha256_hex(Path('.github/countersign.yaml').read_bytes())}` |",
        "Every rule applied in at least one case.",
        "### ✅ 2. one person never fills two seats",
        "Carol is in both groups; the other seat needs somebody else.",
        "Expected: wait, with the gates approvals wait, saying “fills one seat only”. Decided: **wait** (waiting).",
        "- Asked on 2026-12-24 10:00 UTC: may this release for production be deployed?",
        "- Group risk-managers: carol and dora.",
        "- dora for risk-managers approved by cli (personal) 1 hour before, for production.",
        "- bob for senior-developers approved by command (attested) 73 hours before, for production.",
        "- carol for risk-managers and senior-developers put it on hold 1 hour before, "
        "saying: “the drift report is missing”.",
        "- A hand in it that nobody can name: commit 1a2b3c4 has an e-mail address that belongs to no account.",
        "- Evidence test-result: signed by a stranger, about every artifact, result PASSED.",
        "- The pipeline wants to put live a commit of main that holds the approved release, and other artifacts.",
        "#### ✅ production: merging is allowed",
    ):
        assert line in report.splitlines(), line


def test_the_report_is_the_same_every_time(policy: Command) -> None:
    policy("test", "--report", "one.md")
    policy("test", "--report", "two.md")
    assert Path("one.md").read_bytes() == Path("two.md").read_bytes()


def test_rules_that_no_case_touches_are_named(policy: Command) -> None:
    _write(".github/x.tests.yaml", f"{HEAD}cases: [{{name: x, expect: wait}}]\n")
    ended = policy("test", ".github/x.tests.yaml")
    assert (ended.code, "Rules that applied in no case: repository/the policy itself." in ended.out) == (0, True)


def test_a_folder_stands_for_all_tests_below(policy: Command) -> None:
    assert "countersign.tests.yaml" in policy("test", ".").out


@pytest.mark.parametrize("arguments", [("none.tests.yaml",), ("empty",), ("x.tests.yaml",)])
def test_no_tests_and_no_policy_are_no_proof(policy: Command, arguments: tuple[str, ...]) -> None:
    Path("empty").mkdir()
    _write("x.tests.yaml", f"{HEAD}cases: [{{name: x, expect: wait}}]\n")
    ended = policy("test", *arguments)
    assert ended.code == 3
    assert ended.out == ""
    assert "cannot be read" in ended.err or "found none" in ended.err


def test_a_report_that_cannot_be_written_is_no_success(policy: Command) -> None:
    ended = policy("test", "--report", "none/out.md")
    assert ended.code == 3
    assert "none/out.md cannot be written" in ended.err


def test_a_terminal_without_the_signs_still_tells_good_from_bad(
    policy: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break()
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    assert policy("test").code == 1
    shown.seek(0)
    told = shown.read()
    assert "  x a developer and a risk manager suffice\n" in told
    assert "  + one person never fills two seats\n" in told


def test_nothing_that_a_case_says_can_speak_to_the_runner(policy: Command) -> None:
    _write(".github/x.tests.yaml", f'{HEAD}cases: [{{name: x, expect: {{outcome: wait, says: "\\n::error::a"}}}}]\n')
    ended = policy("test", ".github/x.tests.yaml")
    assert ended.code == 1
    assert not any(line.strip().startswith("::") for line in ended.out.splitlines())
