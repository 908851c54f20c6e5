"""Checks of other Apps: the named ones, of the named App, at this head, and green."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from gates.model import CheckFacts, ChecksFacts
from gates.required_checks import required_checks
from manifests.policy_terms import RequiredCheck
from tests.gates.asking import ask, hold
from tests.gates.builders import HEAD, NOW, SECOND, alter

BUILD, SCAN, ANY = RequiredCheck("build", "github-actions"), RequiredCheck("scan", "status"), RequiredCheck("t", "any")
BUILT = CheckFacts("build", "github-actions", HEAD, "success")
SCANNED = CheckFacts("scan", "status", HEAD, "success")


def seen(*checks: CheckFacts, problem: str = "") -> ChecksFacts:
    return ChecksFacts(checks, NOW - SECOND, problem)


class Row(NamedTuple):
    behaviour: str
    facts: ChecksFacts | None
    status: str
    says: str = ""
    asked: tuple[RequiredCheck, ...] = (BUILD, SCAN)


ROWS = (
    Row("both green", seen(BUILT, SCANNED), "pass", "Green at a1a1a1a: build and scan."),
    Row("others do not matter", seen(BUILT, SCANNED, CheckFacts("x", "y", HEAD, "failure")), "pass"),
    Row("not read yet", None, "wait", "have not been read yet"),
    Row("not readable", seen(problem="502"), "error", "cannot be read: 502"),
    Row("one missing", seen(BUILT), "wait", "The check scan (a commit status) has not run at a1a1a1a."),
    Row("of another App", seen(alter(BUILT, app="eve"), SCANNED), "wait", "build of the App github-actions has not"),
    Row("a status in place of a run", seen(alter(BUILT, app="status"), SCANNED), "wait", "has not run"),
    Row("at another head", seen(alter(BUILT, sha="0" * 40), SCANNED), "wait", "not run at a1a1a1a; it ran at 0000000"),
    Row("a run in place of a status", seen(BUILT, alter(SCANNED, app="eve")), "wait", "scan (a commit status) has not"),
    Row("in another case", seen(alter(BUILT, name="Build"), SCANNED), "wait", "has not run"),
    Row("under way", seen(alter(BUILT, conclusion=""), SCANNED), "wait", "still under way"),
    Row("failed", seen(alter(BUILT, conclusion="failure"), SCANNED), "fail", "ended as failure, and only success"),
    Row("skipped", seen(alter(BUILT, conclusion="skipped"), SCANNED), "fail", "ended as skipped"),
    Row("neutral", seen(alter(BUILT, conclusion="neutral"), SCANNED), "fail", "ended as neutral"),
    Row("a word of tomorrow", seen(alter(BUILT, conclusion="great"), SCANNED), "fail", "ended as great"),
    Row("green and red", seen(BUILT, alter(BUILT, conclusion="failure"), SCANNED), "fail", "ended as failure"),
    Row("any App, green", seen(CheckFacts("t", "a", HEAD, "success")), "pass", asked=(ANY,)),
    Row(
        "any App, one of two red",
        seen(CheckFacts("t", "a", HEAD, "success"), CheckFacts("t", "b", HEAD, "failure")),
        "fail",
        "The check t of the App b ended as failure",
        (ANY,),
    ),
    Row("any App, none", seen(BUILT), "wait", "The check t has not run", (ANY,)),
    Row("nothing is asked for", seen(BUILT), "fail", "No rule says which checks", ()),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_required_checks(row: Row) -> None:
    hold(ask(required_checks, {"required_checks": row.asked}, {"checks": row.facts}), row.status, row.says)


def test_no_check_is_green_where_the_head_is_not_known() -> None:
    changes: dict[str, Any] = {"checks": seen(alter(BUILT, sha="")), "pull.head_sha": ""}
    hold(ask(required_checks, {"required_checks": (BUILD,)}, changes), "wait", "has not run")


def test_who_has_to_act_is_said() -> None:
    result = ask(required_checks, {"required_checks": (BUILD,)}, {"checks": seen()}).result
    assert [child.who for child in result.children] == ["the App github-actions"]
