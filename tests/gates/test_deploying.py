"""Deployment, freeze and freshness: what counts only when something is about to go live."""

from __future__ import annotations

import pytest

from gates.decide import decide
from gates.model import NamedDigest, Question, Unanchored
from manifests.policy import Freeze
from manifests.release import Window
from tests.gates.builders import ARTIFACT, BOBS, CAROLS, HOUR, NOW, SECOND, sha
from tests.gates.tables import Row, altered, hold

OURS = NamedDigest("policy.pt", ARTIFACT.sha256)
OTHER = NamedDigest("other.pt", sha("other"))
YEAR_END = Freeze("year end", NOW - HOUR, NOW + HOUR)

DEPLOYMENT = (
    Row("the approved commit and artifacts", {}, "pass", "Commit b2b2b2b holds the approved release"),
    Row("nobody asked yet", {"deployment": None}, "wait", "No pipeline has yet said"),
    Row("unreadable", {"deployment.problem": "no such commit"}, "error", "no such commit"),
    Row("no commit", {"deployment.commit": ""}, "error", "no commit was named"),
    Row("not part of the base", {"deployment.reachable": False}, "fail", "not part of main"),
    Row("another revision", {"deployment.revision": "0" * 64}, "fail", "holds revision 0000000"),
    Row("no revision", {"deployment.revision": ""}, "fail", "holds revision (none)"),
    Row("no subjects", {"deployment.subjects": ()}, "fail", "names no artifact"),
    Row("another digest", {"deployment.subjects.0.sha256": "0" * 64}, "fail", "wants to put live policy.pt (0000000)"),
    Row("another name", {"deployment.subjects.0.name": "x.pt"}, "fail", "does not name policy.pt"),
    Row("one more", {"deployment.subjects": (OURS, OTHER)}, "fail", "wants to put live other.pt"),
    Row("another one", {"deployment.subjects": (OTHER,)}, "fail", "does not name policy.pt"),
    Row("named twice", {"deployment.subjects": (OURS, OURS)}, "fail", "twice or without digest"),
    Row(
        "two without digest on both sides",
        {"deployment.subjects.0.sha256": "", "release.manifest.artifacts.0.sha256": ""},
        "fail",
        "without digest",
    ),
)

FREEZE = (
    Row("no freeze", {}, "pass", "No freeze or window"),
    Row("a tenant's freeze", {"tenant_policy.freezes": (YEAR_END,)}, "wait", "year end lasts until 2026-11-20 19:00"),
    Row("a repository's freeze", {"repository_policy.freezes": (YEAR_END,)}, "wait", "year end"),
    Row("merging goes on", {"tenant_policy.freezes": (YEAR_END,)}, "pass", "Deploying waits: the freeze", "merge"),
    Row("ended just now", {"tenant_policy.freezes": (Freeze("f", 0, NOW),)}, "pass"),
    Row("begins just now", {"tenant_policy.freezes": (Freeze("f", NOW, NOW + 1),)}, "wait"),
    Row("of another environment", {"tenant_policy.freezes": (Freeze("f", 0, NOW + 1, ("staging",)),)}, "pass"),
    Row("of this environment", {"tenant_policy.freezes": (Freeze("f", 0, NOW + 1, ("PRODUCTION",)),)}, "wait"),
    Row("before the release's window", {"release.manifest.change.window": Window(NOW + 1, NOW + 2)}, "wait"),
    Row("after the release's window", {"release.manifest.change.window": Window(0, NOW)}, "fail", "the release end"),
    Row("no window", {"release.manifest.change.window": None}, "pass"),
    Row("outside the window, when merging", {"release.manifest.change.window": Window(0, 1)}, "pass", "", "merge"),
)

AGED = NOW - 61 * SECOND
FRESHNESS = (
    Row("all fresh", {}, "pass", "within the last 1 minute"),
    Row("stale pull request", {"pull.seen_at": AGED}, "wait", "61 seconds nobody has seen the pull request (GitHub)"),
    Row("stale policy", {"policies.seen_at": AGED}, "wait", "the policy (GitHub)"),
    Row("stale contributors", {"contributors.seen_at": AGED}, "wait", "the contributors (GitHub)"),
    Row("stale group", {"groups.0.seen_at": AGED}, "wait", "the group senior-developers"),
    Row("stale change", {"change.seen_at": AGED}, "wait", "the change request (ServiceNow)"),
    Row("stale deployment", {"deployment.seen_at": AGED}, "wait", "the deployed commit"),
    Row("never seen", {"pull.seen_at": 0}, "wait", "as long as can be told"),
    Row("just fresh enough", {"pull.seen_at": NOW - 60 * SECOND}, "pass"),
    Row("a shorter freshness", {"tenant_policy.freshness": 0}, "wait", "at most 0 seconds", agreed=True),
    Row("a longer freshness", {"tenant_policy.freshness": 61, "pull.seen_at": AGED}, "pass", agreed=True),
    Row("a little ahead of our clock", {"pull.seen_at": NOW + 5 * SECOND}, "pass"),
    Row("far ahead of our clock", {"pull.seen_at": NOW + 5 * SECOND + 1}, "error", "yet the pull request"),
    Row("age does not matter for merging", {"pull.seen_at": 0, "groups.0.seen_at": 0}, "pass", question="merge"),
    Row("the future does", {"groups.0.seen_at": NOW + HOUR}, "error", "yet the group", "merge"),
    Row("the log cannot be written", {"log.problem": "disk full"}, "error", "disk full"),
    Row("the log, when merging", {"log.problem": "disk full"}, "error", "disk full", "merge"),
    Row(
        "a row that differs",
        {"log.differences": ("the row 7 of heads is gone",)},
        "error",
        "the row 7 of heads is gone",
    ),
    Row("behind the last record", {"log.last_at": NOW + 1}, "fail", "behind the last record"),
    Row("behind, when merging", {"log.last_at": NOW + 1}, "fail", "behind the last record", "merge"),
    Row("level with the last record", {"log.last_at": NOW}, "pass"),
)

ANCHORED = {"tenant_policy.anchored": ("production",)}
_OUT = (Unanchored(BOBS.id, NOW - SECOND), Unanchored(CAROLS.id, NOW - 2 * SECOND))
_LATE = (Unanchored(BOBS.id, NOW - 15 * 60 * SECOND),)
_VOID = (Unanchored("a void grant", NOW - 15 * 60 * SECOND),)
ANCHORS = (
    Row("all anchored", ANCHORED, "pass", "Every approval is anchored", agreed=True),
    Row("two recent ones", {**ANCHORED, "log.unanchored": _OUT}, "wait", "2 approvals are not anchored", agreed=True),
    Row("out for too long", {**ANCHORED, "log.unanchored": _LATE}, "fail", "longer than 15 minutes", agreed=True),
    Row("one that does not stand", {**ANCHORED, "log.unanchored": _VOID}, "pass", agreed=True),
)


@pytest.mark.parametrize("row", ANCHORS, ids=lambda row: row.behaviour)
def test_anchored(row: Row) -> None:
    hold(row, "anchored")


@pytest.mark.parametrize(
    ("environments", "question"), [((), "deploy"), (("staging",), "deploy"), (("production",), "merge")]
)
def test_anchors_are_asked_for_only_where_the_tenant_requires_them(
    environments: tuple[str, ...], question: Question
) -> None:
    changes = {"tenant_policy.anchored": environments, "log.unanchored": _LATE}
    verdict = decide(*altered(changes, question, agreed=True))
    assert verdict.outcome == "allow"
    assert "anchored" not in {result.name for result in verdict.results}


def test_an_anchor_that_is_out_is_asked_for_again_soon() -> None:
    verdict = decide(*altered({**ANCHORED, "log.unanchored": _OUT}, agreed=True))
    assert (verdict.outcome, verdict.recheck_at) == ("wait", NOW + 5 * SECOND)


@pytest.mark.parametrize("row", DEPLOYMENT, ids=lambda row: row.behaviour)
def test_deployment(row: Row) -> None:
    hold(row, "deployment")


@pytest.mark.parametrize("row", FREEZE, ids=lambda row: row.behaviour)
def test_freeze(row: Row) -> None:
    hold(row, "freeze")


@pytest.mark.parametrize("row", FRESHNESS, ids=lambda row: row.behaviour)
def test_freshness(row: Row) -> None:
    hold(row, "freshness")


def test_freeze_and_deployment_count_at_a_deployment_whatever_the_rule_lists() -> None:
    changes = {"repository_policy.rules.0.gates": (), "repository_policy.rules.0.evidence": ()}
    verdict = decide(*altered({**changes, "repository_policy.rules.0.change": None}, agreed=True))
    assert [result.name for result in verdict.results] == [
        "release", "rule", "approvals", "holds", "deployment", "freeze", "freshness",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "question", "moment"),
    [
        ({}, "deploy", NOW + HOUR),
        ({}, "merge", NOW + 70 * HOUR),
        ({"consents.0.not_after": NOW + 7}, "merge", NOW + 7),
        ({"consents.0.issued_at": NOW + 9}, "merge", NOW + 9),
        ({"tenant_policy.freezes": (Freeze("f", NOW + 5, NOW + 8),)}, "deploy", NOW + 5),
        ({"tenant_policy.freezes": (Freeze("f", NOW - 5, NOW + 8),)}, "deploy", NOW + 8),
        ({"tenant_policy.freezes": (Freeze("f", NOW - 5, NOW + 8),)}, "merge", NOW + 70 * HOUR),
        ({"change.start": NOW + 3}, "deploy", NOW + 3),
        ({"release.manifest.change.window": Window(NOW + 2, NOW + 4)}, "deploy", NOW + 2),
        ({"consents": ()}, "merge", None),
    ],
)
def test_the_next_instant_that_can_change_the_answer(changes: dict[str, object], question: str, moment: int) -> None:
    assert decide(*altered(changes, question)).recheck_at == moment  # type: ignore[arg-type]
