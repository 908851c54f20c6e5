"""Verdicts as text: complete, bounded, the same every time, and harmless whoever's words are in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.decide import decide
from gates.model import Policies, Result, Snapshot, Verdict
from gates.render import MAX_BYTES, MAX_TITLE, markdown, text, title
from manifests.command import parse_command
from tests.gates.arbitrary import anything, nearly_passing, patient
from tests.gates.builders import BOBS, CAROL, HEAD, alter, consent, passing
from tests.gates.tables import altered, nodes

EVIL = "</details>\n/approve " + HEAD + " production\n@acme/everyone ![x](http://evil.example/x.png) <!-- | `#1"


def decided(changes: dict[str, Any], question: Any = "merge") -> Verdict:
    return decide(*altered(changes, question))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "Waiting: nothing has been decided yet"),
        ([decided({})], "Allowed: production"),
        ([decided({}), alter(decided({}), environment="staging")], "Allowed: production and staging"),
        ([decided({"consents": (BOBS,)})], "Waiting: 1 approval from risk-managers is missing (production)"),
        (
            [alter(decided({}), environment="staging"), decided({"log.problem": "disk full"})],
            "Denied: The audit log cannot be written: disk full (production)",
        ),
        (
            [decided({"consents": (BOBS,)}), decided({"pull.state": "closed"})],
            "Denied: The pull request was closed without being merged (production)",
        ),
    ],
)
def test_the_title_says_the_worst_outcome_and_its_reason(verdicts: list[Verdict], expected: str) -> None:
    assert title(verdicts) == expected


def test_markdown_has_every_sentence_and_remedy() -> None:
    verdict = decided({"consents": (), "change": None}, "deploy")
    plain = re.sub(r"\\(.)|\u200b", r"\1", markdown([verdict]))
    for node in nodes(verdict.results):
        assert node.summary in plain
        assert node.remedy.split(" /approve")[0] in plain


def test_the_line_for_approving_can_be_pasted() -> None:
    rendered = markdown([decided({"consents": ()})])
    line = f"/approve {HEAD} production"
    assert f"with the comment `{line}` or by an approving" in rendered
    assert parse_command(line) is not None


def test_the_line_for_lifting_can_be_pasted() -> None:
    stop = consent(CAROL, "risk-managers", id="stop", decision="hold", environments=())
    line = f"/unhold {HEAD}"
    assert f"lifts it with `{line}`;" in markdown([decided({"consents": (stop,)})])
    assert parse_command(line) is not None


def test_text_shows_the_tree_with_remedies() -> None:
    lines = text(decided({"consents": (BOBS,)})).splitlines()
    assert lines[0] == "⏳ production: merging is waiting"
    assert "  ⏳ approvals: 1 approval from risk-managers is missing." in lines
    assert any(line.startswith("       → Somebody from risk-managers") for line in lines)


def test_when_it_is_worth_looking_again_is_an_absolute_time() -> None:
    assert "from 2026-11-23 16:00 UTC" in text(decided({}))


@pytest.mark.parametrize(
    "path", ["consents.0.void", "contributors.unknown", "log.problem", "pull.problem", "release.superseded"]
)
def test_peoples_words_stay_words(path: str) -> None:
    value: Any = (EVIL,) if path == "contributors.unknown" else EVIL
    verdict = decided({path: value})
    rendered = markdown([verdict])
    assert EVIL.splitlines()[2][:6] not in rendered
    for bad in ("</details>", "<!--", "![x]", "@acme", "http://", "\n/approve", f"approve {HEAD}"):
        assert bad not in rendered.replace(f"`/approve {HEAD} production`", "")
    assert "\n/approve" not in text(verdict)
    assert "\n" not in title([verdict])


def test_too_much_is_cut_and_said_to_be() -> None:
    verdict = decided({"contributors.unknown": tuple(f"{n} {'—' * 900}" for n in range(200))})
    rendered = markdown([verdict])
    assert len(rendered.encode()) <= MAX_BYTES
    assert "The rest is left out here" in rendered
    assert "The rest is left out" not in markdown([decided({})])


@patient
@given(st.lists(st.one_of(nearly_passing(), st.tuples(anything(Policies), anything(Snapshot))), max_size=3))
def test_any_verdict_can_be_rendered_within_bounds(cases: list[tuple[Policies, Snapshot]]) -> None:
    verdicts = [decide(*case) for case in cases]
    assert len(markdown(verdicts).encode()) <= MAX_BYTES
    assert len(title(verdicts)) <= MAX_TITLE
    assert "\n" not in title(verdicts)
    for verdict in verdicts:
        assert "\x1b" not in text(verdict)


@patient
@given(st.text(), st.text())
def test_any_words_in_a_tree_are_rendered_within_bounds(summary: str, remedy: str) -> None:
    child = Result(summary, "fail", summary, remedy)
    verdict = alter(decide(*passing()), outcome="deny", results=(alter(child, children=(child,) * 9),) * 9)
    assert len(markdown([verdict]).encode()) <= MAX_BYTES
    assert len(title([verdict])) <= MAX_TITLE
    assert not re.search(r"^\s*/", text(verdict), re.MULTILINE)


def test_who_may_act_and_what_would_change_it_are_said_once() -> None:
    child = Result("a", "wait", "It waits.", "Act.", who="risk-managers", changes="their word")
    parent = alter(child, name="b", children=(child,))
    verdict = alter(decide(*passing()), outcome="wait", results=(parent,))
    for words in (text(verdict), re.sub(r"\\(.)|\u200b", r"\1", markdown([verdict]))):
        assert words.count("Who may act: risk-managers.") == 1
        assert words.count("What would change it: their word.") == 1
    assert title([verdict]) == "Waiting: It waits (production)"


def test_who_may_act_is_neutralised_like_everything_else() -> None:
    evil = Result("a", "wait", "It waits.", "Act.", who=EVIL, changes=EVIL)
    verdict = alter(decide(*passing()), outcome="wait", results=(evil,))
    rendered = markdown([verdict])
    for bad in ("</details>", "<!--", "![x]", "@acme", "http://", f"/approve {HEAD}"):
        assert bad not in rendered
    assert "\n/approve" not in text(verdict)
