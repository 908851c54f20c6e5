"""The change gate: ServiceNow's rows count, its fields prove nothing."""

from __future__ import annotations

import pytest

from gates.decide import decide
from tests.gates.builders import DANS, ERINS, HOUR, NOW, SECOND, alter, row
from tests.gates.tables import Row, altered, hold

RULE = "repository_policy.rules.0.change"
GINA = row(8, "Gina", "Change Management")


def again(change: str, value: object, **facts: object) -> dict[str, object]:
    return {f"{RULE}.{change}": value, **facts}


ROWS = (
    Row("approved and scheduled", {}, "pass", "CHG0030001 is approved and in state scheduled"),
    Row("being implemented", {"change.state": "implement"}, "pass"),
    Row("not opened yet", {"change": None}, "wait", "has not been opened yet"),
    Row("opened, but without number", {"change.number": ""}, "wait", "has not been opened yet"),
    Row("not to be relied on", {"change.problem": "another user created it"}, "error", "another user created it"),
    Row("could not be opened", {"change.problem": "503", "change.number": ""}, "wait", "is not open yet: 503"),
    Row("another type", {"change.type": "standard"}, "fail", "of the type standard, and the rule asks for normal"),
    Row("on hold", {"change.on_hold": True}, "wait", "on hold"),
    Row("new", {"change.state": "new"}, "wait", "not been put up for approval"),
    Row("being assessed", {"change.state": "assess"}, "wait", "not scheduled yet"),
    Row("being authorised", {"change.state": "authorize"}, "wait", "not scheduled yet"),
    Row("being authorised, when merging", {"change.state": "authorize"}, "pass", question="merge"),
    Row("new, when merging", {"change.state": "new"}, "wait", "not been put up", "merge"),
    Row("under review", {"change.state": "review"}, "fail", "already in state review"),
    Row("closed", {"change.state": "closed"}, "fail", "already in state closed"),
    Row("closed, when merging", {"change.state": "closed"}, "fail", "already", "merge"),
    Row("canceled", {"change.state": "canceled"}, "fail", "already in state canceled"),
    Row("in an unknown state", {"change.state": "-5"}, "error", "unknown state -5"),
    Row("without state", {"change.state": ""}, "error", "unknown state (none)"),
    # --- approvals
    Row("no rows", {"change.approvals": ()}, "wait", "0 of 2 approvals"),
    Row("the board is missing", {"change.approvals": (DANS,)}, "wait", "1 of 2 approvals"),
    Row("two from the same group", {"change.approvals": (DANS, GINA)}, "wait", "than Change Management"),
    Row("not asked for the board", again("cab", False, **{"change.approvals": (DANS,)}), "pass"),
    Row(
        "a board without an assignment group means two groups",
        again("assignment_group", None, **{"change.approvals": (DANS, GINA)}),
        "wait",
        "a second group",
    ),
    Row(
        "an assignment group by its sys_id means two groups",
        again("assignment_group", "d6" * 16, **{"change.approvals": (DANS, GINA)}),
        "wait",
        "no approval from another group than",
    ),
    Row(
        "only another group than the assignment group",
        again("assignment_group", "Operations", **{"change.approvals": (DANS, GINA)}),
        "wait",
        "no approval from another group than Operations",
    ),
    Row("two groups, one of them by its sys_id", again("assignment_group", "d6" * 16), "pass"),
    Row("two groups without an assignment group", again("assignment_group", None), "pass"),
    Row("more asked for than given", again("approvals", 2), "wait", "2 of 3 approvals"),
    Row("as many given as asked for", again("approvals", 2, **{"change.approvals": (DANS, ERINS, GINA)}), "pass"),
    Row("still requested", {"change.approvals.0.state": "requested"}, "wait", "1 of 2 approvals"),
    Row("rejected by one", {"change.approvals.1.state": "rejected"}, "fail", "rejected in ServiceNow by Erin"),
    Row(
        "one rejection among enough approvals",
        {"change.approvals": lambda found: (*found, alter(GINA, state="rejected"))},
        "fail",
        "by Gina",
    ),
    Row("set by another hand", {"change.approvals.0.own_hand": False}, "wait", "somebody else made the last update"),
    Row("an inactive account", {"change.approvals.0.active": False}, "wait", "the account is not active"),
    Row("not in the group", {"change.approvals.0.in_group": False}, "wait", "not a member of Change Management"),
    Row("before the last change", {"change.content_at": NOW - HOUR}, "wait", "was altered at 2026-11-20 17:00 UTC"),
    Row("just after the last change", {"change.content_at": NOW - HOUR - 1}, "pass"),
    Row("a moment ahead of our clock", {"change.approvals.0.updated_at": NOW + 5 * SECOND}, "pass"),
    Row("a moment more", {"change.approvals.0.updated_at": NOW + 5 * SECOND + 1}, "wait", "still to come"),
    Row("just now", {"change.approvals.0.updated_at": NOW}, "pass"),
    Row("from the future", {"change.approvals.0.updated_at": NOW + HOUR}, "wait", "still to come"),
    Row("by an unlinked account", {"change.approvals.0.person": None}, "wait", "not linked to a known person"),
    Row("by the requester", {"change.approvals.0.person": "p-alice"}, "wait", "they asked for this release"),
    Row(
        "by an account of the requester",
        {"contributors.known.0.account": "servicenow:sys4"},
        "wait",
        "they asked for this release",
    ),
    Row("by one person twice", {"change.approvals.1.person": "p-dan"}, "wait", "1 of 2 approvals"),
    # --- window
    Row("before its window", {"change.start": NOW + 1 * SECOND}, "wait", "opens at 2026-11-20 18:00:01 UTC"),
    Row("before its window, told its end", {"change.start": NOW + 1}, "wait", "and before 2026-11-20 19:00 UTC"),
    Row("at the start of its window", {"change.start": NOW}, "pass"),
    Row("at the end of its window", {"change.end": NOW}, "fail", "ended at 2026-11-20 18:00 UTC"),
    Row("at the last instant of its window", {"change.end": NOW + 1}, "pass"),
    Row("without window", {"change.start": None, "change.end": None}, "pass"),
    Row("outside its window when merging", {"change.start": NOW + HOUR}, "pass", "window counts when", "merge"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_change(row: Row) -> None:
    hold(row._replace(agreed=any(path.startswith(RULE) for path in row.changes)), "change")


def test_without_the_gate_the_change_request_does_not_matter() -> None:
    changes = {"repository_policy.rules.0.gates": ("artifacts",), RULE: None, "change": None}
    assert decide(*altered(changes, agreed=True)).outcome == "allow"
