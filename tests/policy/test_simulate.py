"""Simulations from a case of a policy test, and differences of two files: no service is needed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from app.cli.main import main
from app.policy.local import simulate
from app.policy.requests import Named, Simulated, SimulationRequest
from app.policy.trees import differences, gates
from gates.model import Result, Verdict
from tests.docs.pages import ROOT, blocks
from tests.policy.samples import SUITES

FACTS, RICH = SUITES / "facts.tests.yaml", SUITES / "rich.tests.yaml"
GOOD = "what is not said is in order"


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def policy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["countersign", "policy", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 1, shown.out, shown.err)

    return run


def assumed(path: Path, case: str, **asked: Any) -> Simulated:
    return simulate(path, case, msgspec.convert(asked, SimulationRequest))


def by(*logins: str) -> list[dict[str, str]]:
    return [{"login": login} for login in logins]


@pytest.mark.parametrize(
    ("path", "case", "asked", "after"),
    [
        (FACTS, "nobody approved", {"approve": by("bob", "dora")}, "allow"),
        (FACTS, "nobody approved", {"approve": by("BOB", "dora")}, "allow"),
        (FACTS, "nobody approved", {"approve": by("bob", "zoe")}, "wait"),
        (FACTS, "nobody approved", {"approve": by("carol")}, "wait"),
        (FACTS, "expired", {"approve": by("bob")}, "allow"),
        (FACTS, GOOD, {"at": "+71h"}, "wait"),
        (FACTS, GOOD, {"at": "+70h"}, "allow"),
        (FACTS, GOOD, {"at": "2026-06-01T13:00:00Z"}, "allow"),
        (FACTS, GOOD, {"push": True}, "wait"),
        (FACTS, GOOD, {"push": True, "approve": by("bob", "dora")}, "allow"),
        (FACTS, GOOD, {"revoke": ["dora"]}, "wait"),
        (FACTS, GOOD, {"hold": by("carol")}, "deny"),
        (FACTS, GOOD, {"reject": by("bob")}, "deny"),
        (FACTS, "rejected", {"lift": ["carol"]}, "allow"),
        (FACTS, "a hold", {"approve": by("carol")}, "allow"),
        (RICH, GOOD, {"push": {"changed": ["docs/a.md"]}}, "wait"),
        (RICH, GOOD, {"push": {"changed": ["docs/a.md"]}, "at": "+2h"}, "wait"),
        (RICH, GOOD, {"revoke": ["bob"], "approve": by("eve"), "delegate": [{"by": "carol", "to": "eve"}]}, "allow"),
        (RICH, "at a deployment too", {"question": "deploy", "at": "+4d"}, "wait"),
        (RICH, "small", {"labels": {"add": ["risk/high"]}}, "wait"),
        (RICH, "a label", {"labels": {"remove": ["risk/high"]}}, "wait"),
        (RICH, "a label", {"labels": {"remove": ["risk/high"]}, "approve": by("bob")}, "allow"),
        (RICH, "small", {"push": {"changed": ["limits/var.yaml"]}, "approve": by("bob")}, "wait"),
        (RICH, "small", {"push": {"changed": ["docs/a.md"]}, "approve": by("bob")}, "allow"),
    ],
)
def test_what_would_be_decided(path: Path, case: str, asked: dict[str, Any], after: str) -> None:
    found = assumed(path, case, **asked)
    assert found.after.outcome == after, [*found.assumptions, found.after]
    assert bool(found.differences) == (found.before.results != found.after.results)


def test_a_push_that_changes_nothing_of_the_release_is_kept_where_the_rule_keeps_it() -> None:
    found = assumed(RICH, GOOD, push={"changed": ["docs/a.md"]})
    assert gates(found.before, found.after) == ("required_checks", "review_time")
    assert "nothing of the release itself" in found.assumptions[0]
    other = assumed(RICH, GOOD, push={"changed": ["releases/example/model.bin"]})
    assert "approvals" in gates(other.before, other.after)
    assert "of the release itself releases/example/model.bin" in other.assumptions[0]


def test_every_assumption_is_told() -> None:
    told = assumed(
        RICH, GOOD, push=True, labels={"add": ["x"]}, at="+2h", revoke=["bob"], delegate=[{"by": "dora", "to": "eve"}],
        approve=[{"login": "carol", "strength": "personal"}], hold=by("lea"),
    ).assumptions  # fmt: skip
    assert [one.partition(" ")[0] for one in told] == ["First", "What", "The", "It", "bob", "dora", "lea", "carol"]
    assert told[-1] == "carol for developers approves by cli (personal), having been shown every document."
    assert told[5] == "dora lets eve act for them for risk until 2026-06-04 14:00 UTC."


def _verdict(*results: Result) -> Verdict:
    return Verdict("merge", "production", "wait", results, "", "")


def test_trees_differ_node_by_node_whatever_the_order_of_what_has_the_same_name() -> None:
    one, two, three = (Result("not counted", "wait", name) for name in ("a", "b", "c"))
    before = _verdict(Result("approvals", "wait", "x", children=(one, two)), Result("holds", "pass", "y"))
    after = _verdict(Result("approvals", "wait", "x", children=(two, three)), Result("freeze", "pass", "z"))
    found = [(d.path, d.before and d.before.summary, d.after and d.after.summary) for d in differences(before, after)]
    assert found == [
        (("approvals", "not counted"), None, "c"),
        (("freeze",), None, "z"),
        (("approvals", "not counted"), "a", None),
        (("holds",), "y", None),
    ]
    assert gates(before, after) == ("freeze", "holds")
    assert differences(before, before) == ()


def test_a_case_by_the_command_line(policy: Command) -> None:
    ask = ("simulate", str(FACTS), "--case", "nobody approved")
    ended = policy(*ask, "--approve", "bob", "--approve", "dora:personal")
    assert ended.code == 0
    assert ended.out.startswith("production, merging: wait → allow\n  ⏳→✅ approvals: Every seat is filled")
    ended = policy(*ask, "--approve", "bob", "--changed", "docs/a.md", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["after"]["outcome"] == "wait"
    assert policy(*ask, "--delegate", "bob:eve", "--approve", "eve").code == 1
    assert policy(*ask).out.count("approvals:") == 1, "what stays as it is is told once"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("simulate", str(FACTS), "--case", "no such case"), 2),
        (("simulate", str(FACTS), "--case", GOOD, "--deploy"), 2),
        (("simulate", str(FACTS), "--case", GOOD, "--at", "soon"), 2),
        (("simulate", str(FACTS), "--case", GOOD, "--delegate", "bob"), 2),
        (("simulate", str(FACTS), "--case", GOOD, "--delegate", "bob:"), 2),
        (("simulate", str(FACTS), "--case", GOOD, "--approve", "not a login"), 2),
        (("simulate", str(FACTS), "--case", GOOD, "--approve", "bob:strong"), 2),
        (("simulate", "none.tests.yaml", "--case", GOOD), 3),
        (("diff",), 2),
        (("diff", "one.yaml"), 2),
        (("diff", "one.yaml", "two.yaml", "--repository", "acme/models"), 2),
        (("diff", "none.yaml", str(SUITES / "rich.yaml")), 3),
    ],
)
def test_used_wrongly_or_unreadable(policy: Command, arguments: tuple[str, ...], code: int) -> None:
    assert policy(*arguments).code == code


def test_two_policies_are_compared_as_they_are(policy: Command, tmp_path: Path) -> None:
    old, new = SUITES / "rich.yaml", tmp_path / "new.yaml"
    new.write_text(old.read_text().replace("review_time: 2h", "review_time: 1h"))
    assert policy("diff", str(old), str(old)) == (0, "The policies ask for the same.\n", "")
    ended = policy("diff", str(old), str(new))
    assert ended.code == 1
    assert ended.out == (
        "The policy changes the rule model: review_time (looser)\n    review_time (looser): 7200 → 3600\n"
    )
    (change,) = json.loads(policy("diff", str(old), str(new), "--json").out)
    more = tmp_path / "more.yaml"
    more.write_text(old.read_text().replace("- {field: complete, is: true}\n", "- {field: complete, is: false}\n"))
    told = policy("diff", str(old), str(more)).out
    assert '"complete"' in told, "what differs is shown, however much else there is"
    assert (change["name"], change["fields"][0]["before"]) == ("model", 7200)


def test_groups_of_the_tenant_policy_are_known_beside_it(policy: Command, tmp_path: Path) -> None:
    tenant, own = tmp_path / "tenant.yaml", tmp_path / "own.yaml"
    tenant.write_text("schema: countersign/policy/v1\ngroups: {board: {members: [zoe]}}\n")
    own.write_text("schema: countersign/policy/v1\nrules: [{name: r, seats: [{group: board}]}]\n")
    assert policy("diff", str(own), str(own)).code == 1
    assert policy("diff", str(own), str(own), "--tenant", str(tenant)).code == 0


def test_the_request_on_the_page_can_be_asked() -> None:
    page = ROOT / "docs" / "policy-simulation.md"
    (asked,) = [block.text for block in blocks(page) if block.text.startswith('{"question"')]
    found = msgspec.json.decode(asked, type=SimulationRequest)
    assert found.approve[1] == Named("dana", groups=("risk-managers",), strength="personal", way="cli")
    said = set(json.loads(asked))
    assert said == set(SimulationRequest.__struct_fields__)


def test_every_option_is_on_the_page(policy: Command) -> None:
    page = (ROOT / "docs" / "policy-simulation.md").read_text()
    for command in ("simulate", "diff"):
        shown = policy(command, "--help").out
        options = set(re.findall(r"(--[a-z]+)", shown)) - {"--url", "--token", "--help", "--json"}
        assert len(options) > 2
        assert not [option for option in options if not re.search(rf"[` ]{option}\b", page)], command
