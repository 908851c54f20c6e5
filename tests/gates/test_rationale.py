"""The rationale gate: words that say why, not a template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.case import Case
from gates.rationale import MIN_CHARACTERS, MIN_WORDS, rationale, trouble
from gates.rule import effective_rule
from manifests.policy import POLICY_PATH
from tests.gates.tables import Row, altered, hold

KNOWN = ("intraday-policy", "3.2.0", "model")


@pytest.mark.parametrize(
    "text",
    [
        "Retrained on Q3 data after the drift alert; VaR breaches fall from 1.4 % to 0.6 %.",
        "  Raises the position limit for EUR swaps as agreed in the risk committee.  ",
        "Rolls back to 3.1.4, because 3.2.0 misprices caps.",
        "Latency < 5 ms and throughput > 300/s with the new feature cache.",
        "Behebt den Fehler in der Glättung der Zinskurve.",
        "We add a second reason code to the reject message of the gateway.",
        "Обновлён лимит позиции по решению комитета по рискам.",
    ],
)
def test_a_sentence_that_says_why_passes(text: str) -> None:
    assert trouble(text, KNOWN) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (" \n\t ", "is empty"),
        ("Bump the version.", "has 17 characters"),
        ("TODO: write down why this is wanted, soon", "contains “TODO”"),
        ("This is to be done later (tbd) by somebody else", "contains “tbd”"),
        ("FIXME this is not a rationale at all yet", "contains “FIXME”"),
        ("Lorem ipsum dolor sit amet, consectetur adipiscing", "contains “Lorem ipsum”"),
        ("<why this release is wanted and what changes>", "still a template"),
        ("{{ rationale }} goes in here for the reviewers", "still a template"),
        ("[Insert the business reason of this release]", "still a template"),
        ("Describe why this release is needed, in a sentence.", "still a template"),
        ("Please explain the reason for this release here", "still a template"),
        ("This is where your rationale goes here, author", "still a template"),
        ("…………………………………………………………", "repeats the same character"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa b c d", "repeats the same character"),
        ("... ... ... ... ... ... ...", "has 0 different words"),
        ("update update update update update", "has 1 different words"),
        ("new model new model new model new", "has 2 different words"),
        ("foo bar baz qux foo bar baz qux foo bar baz qux foo bar baz qux", "repeats the same words"),
        ("Release of the intraday-policy version 3.2.0", "only repeats the name and version"),
    ],
)
def test_a_template_or_too_little_fails(text: str, says: str) -> None:
    assert says in trouble(text, KNOWN)


@given(st.text())
def test_whatever_passes_has_enough_characters_and_words(text: str) -> None:
    if trouble(text) == "":
        assert len(text.strip()) >= MIN_CHARACTERS
        assert sum(character.isalnum() for character in text) >= MIN_WORDS


ROWS = (
    Row("a real rationale passes", {}, "pass", "says why"),
    Row("a template fails", {"release.manifest.rationale": "TODO"}, "fail", "still a template"),
    Row("nothing fails", {"release.manifest.rationale": ""}, "fail", "is empty"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_rationale(row: Row) -> None:
    hold(row, "rationale")


@pytest.mark.parametrize(
    ("path", "place"), [("releases/a/release.yaml", "manifest"), (POLICY_PATH, "title of the pull")]
)
def test_the_remedy_names_the_place_where_it_is_said(path: str, place: str) -> None:
    policies, snapshot = altered({"release.manifest.rationale": "", "release.manifest_path": path})
    rule = effective_rule(policies, snapshot.release, snapshot.pull, snapshot.environment)
    assert f"Say in the {place}" in rationale(Case(policies, snapshot, rule)).result.remedy
