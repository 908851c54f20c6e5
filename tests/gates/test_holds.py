"""The holds gate: rejections and holds follow a release and its artifacts."""

from __future__ import annotations

from typing import Any

import pytest

from gates.decide import decide
from tests.gates.builders import CAROL, CAROLS, HEAD, NOW, alter, consent
from tests.gates.tables import Row, altered, hold

STOP = consent(CAROL, "risk-managers", id="stop", decision="hold", environments=(), reason="Drift is unexplained.")
ELSEWHERE = alter(STOP, repository_id=902, pull_number=3)


def with_stop(**fields: Any) -> dict[str, object]:
    return {"consents": lambda found: (*found, alter(STOP, **fields))}


ROWS = (
    Row("approvals hold nothing up", {}, "pass", "Nobody has rejected"),
    Row("a hold fails", with_stop(), "fail", "Carol put a hold on this release"),
    Row("its reason is said", with_stop(), "fail", "Drift is unexplained."),
    Row("how it is lifted is said", with_stop(), "fail", f"had no hand in the release, lifts it with /unhold {HEAD};"),
    Row("who else lifts it is said", with_stop(), "fail", "Carol, or another member of risk-managers who"),
    Row("without a group nobody else lifts it", with_stop(groups=()), "fail", f"Carol lifts it with /unhold {HEAD};"),
    Row(
        "it is lifted where it was put",
        with_stop(pull_number=3),
        "fail",
        "lifts it there with /unhold and the full SHA",
    ),
    Row("a rejection fails", with_stop(decision="reject"), "fail", "Carol rejected this release"),
    Row("a rejection is lifted like a hold", with_stop(decision="reject"), "fail", f"lifts it with /unhold {HEAD};"),
    Row("approving anew lifts it", with_stop(decision="reject"), "fail", "if Carol approves anew, that lifts it too"),
    Row("no reason is said to be missing", with_stop(reason=""), "fail", "without giving a reason"),
    Row("one for this environment fails", with_stop(environments=("production",)), "fail", "for production"),
    Row("one for another environment passes", with_stop(environments=("staging",)), "pass"),
    Row("a lifted one passes", with_stop(void="lifted by Grace"), "pass"),
    Row("it outlives pushes", with_stop(head_sha="0" * 40, revision="0" * 64, artifacts=()), "fail"),
    Row("it outlives another base and rule", with_stop(base_ref="x", effective_rule="x"), "fail"),
    Row("it does not expire", with_stop(issued_at=1, not_after=2), "fail"),
    Row("a bot's hold holds", with_stop(kind="Bot", via_app=True), "fail"),
    Row("a leaver's hold holds", {**with_stop(), "groups.1.members": ()}, "fail"),
    Row("it follows artifacts to another pull request", with_stop(pull_number=3), "fail", "pull request 3"),
    Row("it follows artifacts anywhere", {"consents": lambda c: (*c, ELSEWHERE)}, "fail", "repository 902"),
    Row(
        "other artifacts elsewhere are another matter",
        {"consents": lambda c: (*c, alter(ELSEWHERE, artifacts=("0" * 64,)))},
        "pass",
    ),
    Row("it counts when merging", with_stop(), "fail", "hold", "merge"),
    Row("it counts without a manifest", {**with_stop(), "release.manifest": None}, "fail", "Carol"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_holds(row: Row) -> None:
    hold(row, "holds")


def test_holds_are_told_in_the_order_they_were_made() -> None:
    later = alter(STOP, id="later", name="Grace", issued_at=NOW - 1, reason="Me too.")
    for consents in ((STOP, CAROLS, later), (later, STOP, CAROLS)):
        gate = next(r for r in decide(*altered({"consents": consents})).results if r.name == "holds")
        assert [child.summary.split()[0] for child in gate.children] == ["Carol", "Grace"]
