"""The simulator asks for approvals and takes them as instances do."""

from __future__ import annotations

import pytest

from integrations.servicenow.simulator import ServiceNowSimulator
from integrations.servicenow.simulator.view import ChangeView
from tests.servicenow.support import Rest, open_row, patch

ROOT = ("root", "root-pw")


async def _asked(rest: Rest, simulator: ServiceNowSimulator, kind: str = "normal") -> str:
    """A change whose first approvals are asked for."""
    key = await open_row(rest, simulator, kind)
    assert (await patch(rest, key, state="-4" if kind == "normal" else "-3")).status == 200
    simulator.run_flows()
    return key


def _rows(change: ChangeView) -> dict[str, str]:
    return {row.approver: row.state for row in change.approvals}


async def test_approval_rows_appear_only_after_the_move(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await open_row(rest, simulator)
    await patch(rest, key, state="-4")
    assert simulator.change(key).approvals == ()
    simulator.run_flows()
    assert _rows(simulator.change(key)) == {"rita.risk": "requested", "rob.risk": "requested"}
    assert simulator.change(key).approval == "requested"


async def test_the_first_approval_decides_for_the_group_and_moves_the_change(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    key = await _asked(rest, simulator)
    simulator.decide_change(key, "rob.risk", "approved")
    assert simulator.change(key).state == "assess"
    simulator.run_flows()
    change = simulator.change(key)
    assert (change.state, change.approval) == ("authorize", "requested")
    assert _rows(change) == {
        "rita.risk": "not_required",
        "rob.risk": "approved",
        "carl.cab": "requested",
        "cora.cab": "requested",
    }


async def test_a_rejection_sends_back_to_new_and_a_new_round_has_new_rows(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    key = await _asked(rest, simulator)
    simulator.decide_change(key, "rita.risk", "rejected", "too risky")
    simulator.run_flows()
    change = simulator.change(key)
    assert (change.state, change.approval) == ("new", "rejected")
    assert _rows(change) == {"rita.risk": "rejected", "rob.risk": "not_required"}
    await patch(rest, key, state="-4")
    simulator.run_flows()
    rows = await rest.table("sysapproval_approver", f"sysapproval={key}^ORDERBYiteration")
    assert [(row["iteration"], row["state"]) for row in rows] == [
        ("1", "rejected"),
        ("1", "not_required"),
        ("2", "requested"),
        ("2", "requested"),
    ]
    simulator.decide_change(key, "rita.risk", "approved")
    simulator.run_flows()
    assert simulator.change(key).state == "authorize"


@pytest.mark.parametrize(("target", "state"), [("-5", "new"), ("4", "canceled")])
async def test_reverting_or_canceling_withdraws_what_is_asked(
    rest: Rest, simulator: ServiceNowSimulator, target: str, state: str
) -> None:
    key = await _asked(rest, simulator)
    await patch(rest, key, state=target)
    change = simulator.change(key)
    assert change.state == state
    assert set(_rows(change).values()) == {"cancelled"}


async def test_a_person_in_two_groups_is_asked_once_and_counts_for_both(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    simulator.add_group("Second Opinion", ["rita.risk"])
    simulator.settings.assess_groups = ("Second Opinion",)
    key = await _asked(rest, simulator)
    assert [row.approver for row in simulator.change(key).approvals] == ["rita.risk", "rob.risk"]
    simulator.decide_change(key, "rita.risk", "approved")
    simulator.run_flows()
    assert simulator.change(key).state == "authorize"


async def test_every_asked_group_must_answer(rest: Rest, simulator: ServiceNowSimulator) -> None:
    simulator.add_group("Second Opinion", ["cora.cab"])
    simulator.settings.assess_groups = ("Second Opinion",)
    key = await _asked(rest, simulator)
    simulator.decide_change(key, "rita.risk", "approved")
    simulator.run_flows()
    assert simulator.change(key).state == "assess"
    simulator.decide_change(key, "cora.cab", "approved")
    simulator.run_flows()
    assert simulator.change(key).state == "authorize"


async def test_an_empty_group_approves_by_itself_without_a_person(rest: Rest, simulator: ServiceNowSimulator) -> None:
    for name in ("carl.cab", "cora.cab"):
        simulator.remove_member("CAB Approval", name)
    key = await _asked(rest, simulator, "emergency")
    change = simulator.change(key)
    assert (change.state, change.approval, change.approvals) == ("scheduled", "approved", ())
    (group,) = await rest.table("sysapproval_group", f"parent={key}")
    assert (group["approval"], group["sys_updated_by"]) == ("approved", "system")


async def test_a_standard_change_is_approved_without_anyone(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await open_row(rest, simulator, "standard")
    await patch(rest, key, state="-2")
    simulator.run_flows()
    change = simulator.change(key)
    assert (change.state, change.approval, change.approvals) == ("scheduled", "approved", ())


async def test_inactive_members_are_asked_too(rest: Rest, simulator: ServiceNowSimulator) -> None:
    simulator.set_active("rob.risk", False)
    assert "rob.risk" in _rows(simulator.change(await _asked(rest, simulator)))


async def test_the_approval_field_can_be_written_by_anyone_who_may_edit(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    """Why that field proves nothing."""
    key = await open_row(rest, simulator)
    assert (await patch(rest, key, approval="approved")).result["approval"] == "approved"


@pytest.mark.parametrize(
    ("user", "state", "status"),
    [
        (None, "approved", 403),
        (("rob.risk", "rob.risk-pw"), "approved", 404),
        (ROOT, "approved", 403),
        (("rita.risk", "rita.risk-pw"), "skipped", 403),
        (("rita.risk", "rita.risk-pw"), "approved", 200),
    ],
)
async def test_only_the_approver_answers_a_row(
    rest: Rest, simulator: ServiceNowSimulator, user: tuple[str, str] | None, state: str, status: int
) -> None:
    change = simulator.change(await _asked(rest, simulator))
    row = next(row.sys_id for row in change.approvals if row.approver == "rita.risk")
    path = f"/api/now/table/sysapproval_approver/{row}"
    answer = await rest.call("PATCH", path, {"state": state}, user=user)
    assert answer.status == status
    if status == 403:
        assert answer.detail == "ACL Exception Update Failed due to security constraints"


async def test_an_answer_cannot_be_changed(rest: Rest, simulator: ServiceNowSimulator) -> None:
    change = simulator.change(await _asked(rest, simulator))
    row = next(row.sys_id for row in change.approvals if row.approver == "rita.risk")
    path = f"/api/now/table/sysapproval_approver/{row}"
    rita = ("rita.risk", "rita.risk-pw")
    assert (await rest.call("PATCH", path, {"state": "rejected"}, user=rita)).status == 200
    assert (await rest.call("PATCH", path, {"state": "approved"}, user=rita)).status == 403


async def test_holding_withdraws_and_releasing_reinstates_what_is_asked(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    key = await _asked(rest, simulator)
    assert (await patch(rest, key, on_hold="true")).status == 403
    assert (await patch(rest, key, on_hold="true", on_hold_reason="freeze")).status == 200
    assert set(_rows(simulator.change(key)).values()) == {"not_required"}
    assert (await patch(rest, key, state="-5")).status == 403
    assert (await patch(rest, key, on_hold="false")).status == 200
    assert set(_rows(simulator.change(key)).values()) == {"requested"}


@pytest.mark.parametrize(
    ("user", "body", "status"),
    [
        (("countersign.bot", "bot-password"), {"state": "approved"}, 400),
        (("rita.itil", "pw"), {"state": "rejected"}, 400),
        (("rita.itil", "pw"), {"state": "maybe"}, 400),
        (("rita.itil", "pw"), {"state": "rejected", "comments": "no"}, 200),
        (("rita.itil", "pw"), {"state": "approved"}, 200),
    ],
)
async def test_the_approvals_call_acts_for_the_caller_only(
    rest: Rest, simulator: ServiceNowSimulator, user: tuple[str, str], body: dict[str, str], status: int
) -> None:
    simulator.add_user("rita.itil", password="pw", roles=("itil",))
    simulator.add_member("Change Management", "rita.itil")
    key = await _asked(rest, simulator)
    answer = await rest.call("PATCH", f"/api/sn_chg_rest/change/{key}/approvals", body, user=user)
    assert answer.status == status
    assert (simulator.change(key).approvals[-1].state == body["state"]) == (status == 200)
