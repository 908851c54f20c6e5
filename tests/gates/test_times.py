"""Recurring freezes, windows and the time for review: what counts at which instant, and what cannot be told."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from gates.case import Gate
from gates.freeze import freeze
from gates.model import Occurrences, Question
from gates.review_time import review_time
from gates.terms import WindowTerms
from gates.windows import windows
from manifests.policy import Freeze
from manifests.policy_terms import ChangeRule, Recurrence
from tests.gates.asking import ask, hold
from tests.gates.builders import CHANGE, DANS, DAY, ERINS, HOUR, NOW, PROPOSED, SECOND, alter

NIGHTS = Recurrence("FREQ=DAILY", "2026-01-01T17:00:00", 7200)
DAYS = Recurrence("FREQ=DAILY", "2026-01-01T08:00:00", 3600)
CLOSE = Freeze("month end", recurrence=NIGHTS)
SOFT = alter(CLOSE, emergency=True)
YEAR_END = Freeze("year end", NOW - HOUR, NOW + HOUR, emergency=True)
EMERGENCY = alter(CHANGE, type="emergency", approvals=(DANS, ERINS))
UNTIL = NOW + 30 * DAY


def over(recurrence: Recurrence, *spans: tuple[int, int], **fields: Any) -> Occurrences:
    return alter(Occurrences(recurrence, NOW - 30 * DAY, UNTIL, spans), **fields)


ON = (NOW - HOUR, NOW + HOUR)
LATER = (NOW + 3 * HOUR, NOW + 4 * HOUR)
BEFORE = (NOW - 2 * HOUR, NOW)


class Row(NamedTuple):
    behaviour: str
    changes: dict[str, Any]
    status: str
    says: str = ""
    changes_at: tuple[int, ...] | None = None
    terms: dict[str, Any] | None = None
    question: Question = "deploy"


def check(gate: Gate, row: Row) -> None:
    finding = ask(gate, row.terms or {}, row.changes, row.question)
    hold(finding, row.status, row.says)
    if row.changes_at is not None:
        assert finding.changes_at == row.changes_at


def frozen(*calendar: Occurrences, by: Freeze = CLOSE, **changes: Any) -> dict[str, Any]:
    quiet = {"release.manifest.change.window": None, "change.start": None, "change.end": None}
    return {**quiet, "repository_policy.freezes": (by,), "calendar": calendar, **changes}


FREEZES = (
    Row("on now", frozen(over(NIGHTS, ON)), "wait", "the freeze month end lasts until 2026-11-20 19:00 UTC", (ON[1],)),
    Row("between two", frozen(over(NIGHTS, BEFORE, LATER)), "pass", "No freeze", (LATER[0],)),
    Row("two that overlap", frozen(over(NIGHTS, ON, (NOW, LATER[1]))), "wait", "until 2026-11-20 22:00 UTC"),
    Row("never in sight", frozen(over(NIGHTS)), "pass", "", ()),
    Row("not looked up", frozen(), "error", "month end is on now cannot be told: it was not looked up"),
    Row("another one looked up", frozen(over(DAYS)), "error", "it was not looked up"),
    Row("two answers", frozen(over(NIGHTS), over(NIGHTS, ON)), "error", "looked up with different answers"),
    Row("the same answer twice", frozen(over(NIGHTS), over(NIGHTS)), "pass"),
    Row("not to be expanded", frozen(over(NIGHTS, problem="no such zone")), "error", "told: no such zone."),
    Row("looked up for the past", frozen(over(NIGHTS, until=NOW)), "error", "until 2026-11-20 18:00 UTC"),
    Row("looked up for later", frozen(over(NIGHTS, since=NOW + 1)), "error", "it was looked up only from"),
    Row("a span inside out", frozen(over(NIGHTS, (NOW + 2, NOW + 1))), "error", "ends before it begins"),
    Row("of another environment", frozen(by=alter(CLOSE, environments=("staging",))), "pass"),
    Row(
        "merging hears of it", frozen(over(NIGHTS, ON)), "pass", "Deploying waits: the freeze month", (), None, "merge"
    ),
    Row("merging does not ask", frozen(), "pass", "A freeze does not stop merging.", (), None, "merge"),
    Row(
        "a normal change goes through none",
        frozen(over(NIGHTS, ON), by=SOFT),
        "wait",
        "an approved emergency change would go through it, but CHG0030001 is of the type normal",
    ),
    Row(
        "no change goes through none", frozen(over(NIGHTS, ON), by=SOFT, change=None), "wait", "there is no change requ"
    ),
)

_NOBODYS = alter(EMERGENCY, approvals=())
_ALTERED = alter(EMERGENCY, content_at=NOW - 1)
EMERGENCIES = (
    ("approved", EMERGENCY, "waived", "CHG0030001 is an approved emergency change"),
    ("not yet approved", _NOBODYS, "wait", "has 0 of 2 approvals needed"),
    ("altered after its approval", _ALTERED, "wait", "has 0 of 2 approvals needed"),
    (
        "approved by who had a hand in it",
        alter(EMERGENCY, approvals=(DANS, alter(ERINS, person="p-alice"))),
        "wait",
        "",
    ),
    ("rejected", alter(EMERGENCY, approvals=(DANS, alter(ERINS, state="rejected"))), "wait", "was rejected"),
    ("over", alter(EMERGENCY, state="closed"), "wait", "is already in state closed"),
    ("not scheduled", alter(EMERGENCY, state="authorize"), "wait", "is not scheduled yet"),
    ("on hold", alter(EMERGENCY, on_hold=True), "wait", "is on hold"),
    ("not to be relied on", alter(EMERGENCY, problem="two of them"), "wait", "cannot be relied on: two of them"),
    ("outside its window", alter(EMERGENCY, end=NOW), "wait", "ended at"),
)


@pytest.mark.parametrize("row", FREEZES, ids=lambda row: row.behaviour)
def test_recurring_freezes(row: Row) -> None:
    check(freeze, row)


@pytest.mark.parametrize("by", [SOFT, YEAR_END], ids=["recurring", "once"])
@pytest.mark.parametrize(
    ("change", "status", "says"), [row[1:] for row in EMERGENCIES], ids=[row[0] for row in EMERGENCIES]
)
def test_only_an_approved_emergency_change_goes_through(by: Freeze, change: Any, status: str, says: str) -> None:
    facts = {"release.manifest.change.window": None, "calendar": (over(NIGHTS, ON),), "change": change}
    hold(ask(freeze, {}, {**facts, "repository_policy.freezes": (by,)}), status, says)


def test_an_emergency_change_does_not_go_through_another_freeze() -> None:
    both = {"repository_policy.freezes": (SOFT, alter(YEAR_END, emergency=False)), "calendar": (over(NIGHTS, ON),)}
    finding = ask(freeze, {}, {**both, "change": EMERGENCY})
    hold(finding, "wait", "the freeze year end lasts until")
    assert len(finding.result.children) == 1


def test_an_emergency_change_is_approved_by_somebody_even_where_no_rule_says_so() -> None:
    facts = {"release.manifest.change.window": None, "repository_policy.freezes": (YEAR_END,)}
    nobody = ask(freeze, {"change": ChangeRule(approvals=0)}, {**facts, "change": _NOBODYS})
    hold(nobody, "wait", "has 0 of 1 approval needed")
    hold(ask(freeze, {"change": None}, {**facts, "change": _NOBODYS}), "wait", "has 0 of 1 approval needed")
    hold(ask(freeze, {"change": None}, {**facts, "change": EMERGENCY}), "waived")


ONE = {"windows": (WindowTerms("repository/r", (NIGHTS, DAYS)),)}
TWO = {"windows": (*ONE["windows"], WindowTerms("tenant/t", (DAYS,)))}
WINDOWS = (
    Row(
        "one of two is open", {"calendar": (over(NIGHTS, ON), over(DAYS, LATER))}, "pass",
        "open until 2026-11-20 19:00 UTC", (ON[1], LATER[0]), ONE,
    ),
    Row(
        "none is open", {"calendar": (over(NIGHTS, BEFORE), over(DAYS, LATER))}, "wait",
        "No window of repository/r is open; the next one opens at 2026-11-20 21:00 UTC", (LATER[0], UNTIL), ONE,
    ),
    Row("none in sight", {"calendar": (over(NIGHTS), over(DAYS))}, "wait", "none opens before 2026-12", (UNTIL,), ONE),
    Row("one rule's is shut", {"calendar": (over(NIGHTS, ON), over(DAYS, LATER))}, "wait", "tenant/t", None, TWO),
    Row("both rules' are open", {"calendar": (over(NIGHTS, ON), over(DAYS, ON))}, "pass", "", (ON[1],), TWO),
    Row("open, and another unknown", {"calendar": (over(NIGHTS, ON),)}, "pass", "", None, ONE),
    Row("shut, and another unknown", {"calendar": (over(NIGHTS, LATER),)}, "error", "it was not looked up", None, ONE),
    Row("unknown", {"calendar": ()}, "error", "Whether a window of repository/r is open cannot be told", None, ONE),
    Row("not to be expanded", {"calendar": (over(DAYS, problem="zone"),)}, "error", "zone", None, TWO),
    Row("a rule without spans", {}, "wait", "No window of x is open", (), {"windows": (WindowTerms("x", ()),)}),
)  # fmt: skip


@pytest.mark.parametrize("row", WINDOWS, ids=lambda row: row.behaviour)
def test_windows(row: Row) -> None:
    check(windows, row)


ASKED = {"review_time": 4 * 3600}
REVIEW = (
    Row("open long enough", {"release.head_since": PROPOSED}, "pass", "open to review since 2026-11-20 13", (), ASKED),
    Row("open just long enough", {"release.head_since": NOW - 4 * HOUR}, "pass", "", (), ASKED),
    Row(
        "not yet", {"release.head_since": NOW - 4 * HOUR + SECOND}, "wait",
        "for 4 hours, until 2026-11-20 18:00:01 UTC", (NOW + SECOND,), ASKED,
    ),
    Row("not known", {"release.head_since": 0}, "wait", "It is not known since when", (), ASKED),
    Row("in the future", {"release.head_since": NOW + DAY}, "wait", "", None, ASKED),
    Row("merging waits too", {"release.head_since": NOW}, "wait", "", None, ASKED, "merge"),
)  # fmt: skip


@pytest.mark.parametrize("row", REVIEW, ids=lambda row: row.behaviour)
def test_review_time(row: Row) -> None:
    check(review_time, row)
