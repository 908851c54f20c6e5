"""How the console says sizes, times, outcomes and events."""

from __future__ import annotations

from typing import get_args

import pytest

from app.console import pages, timeline
from app.console.pages import ago, linkable, outcome, size
from gates.model import Result, Status, Verdict
from gates.render import markdown
from manifests.vocabulary import EVENTS

SAID_IN_FULL = {
    "release.proposed", "release.revised", "release.closed", "verdict.recorded", "grant.recorded", "grant.voided",
    "grant.refused", "change.opened", "change.updated", "change.closed", "change.canceled", "change.alarmed",
    "decision.recorded", "decision.redeemed", "deployment.recorded", "release.reminded", "release.escalated",
    "glass.broken", "glass.reviewed", "glass.lapsed", "artifact.named", "contributors.seen", "release.merged",
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (1_823_340, "1.8 MB"),
        (999_960, "1.0 MB"), (2_500_000_000, "2.5 GB"), (7 * 10**12, "7.0 TB"), (10**16, "10000.0 TB"),
    ],
)  # fmt: skip
def test_sizes(number: int, said: str) -> None:
    assert size(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "in the future"), (0, "just now"), (59, "just now"), (60, "1 minute ago"), (7_199, "1 hour ago"),
        (86_400 * 3, "3 days ago"),
    ],
)  # fmt: skip
def test_how_long_ago(seconds: int, said: str) -> None:
    assert ago(seconds * 1_000_000) == said


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "", " https://x", "file:///etc"]
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert not linkable(url)
    assert linkable("https://github.com/acme/models/pull/1")


@pytest.mark.parametrize("status", get_args(Status))
def test_each_status_has_the_word_of_the_check_run(status: Status) -> None:
    verdict = Verdict("merge", "production", "wait", (Result("gate", status, "Why."),), "a" * 64, "b" * 64)
    assert f"**gate** {pages._WORDS[status]}:" in markdown([verdict])


@pytest.mark.parametrize("name", ["allow", "wait", "deny"])
def test_each_outcome_has_the_word_of_the_check_run(name: str) -> None:
    verdict = Verdict("merge", "production", name, (), "a" * 64, "b" * 64)  # type: ignore[arg-type]
    assert f"merging is {outcome(name)[2]}" in markdown([verdict])
    assert outcome(name)[1]


def test_no_outcome_looks_like_an_allow() -> None:
    assert outcome("")[0] == outcome("something new")[0] == "none"


def test_events_of_a_trace_are_sentences_and_known_to_the_vocabulary() -> None:
    assert set(timeline._SENTENCES) == SAID_IN_FULL
    assert set(EVENTS) >= SAID_IN_FULL
