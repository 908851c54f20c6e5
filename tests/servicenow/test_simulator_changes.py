"""The simulator moves changes and asks for approvals as instances do."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.servicenow.simulator import ServiceNowSimulator
from integrations.servicenow.simulator.settings import Profile
from integrations.servicenow.simulator.view import ChangeView
from tests.servicenow.support import Answer, Rest

CHANGES = "/api/now/table/change_request"
STATE_RULE = (
    "Operation against file 'change_request' was aborted by Business Rule "
    "'Change Model: Check State Transition^b6dae9e15317101034d1ddeeff7b1278'. "
    "Business Rule Stack:Change Model: Check State Transition"
)
ROOT = ("root", "root-pw")


def _group(simulator: ServiceNowSimulator, name: str = "Change Management") -> str:
    return simulator.instance.store.find("sys_user_group", name=name)[0]["sys_id"]


async def _open(rest: Rest, simulator: ServiceNowSimulator, kind: str = "normal", **fields: str) -> str:
    body = {"type": kind, "assignment_group": _group(simulator), **fields}
    answer = await rest.call("POST", CHANGES, body)
    key: str = answer.result["sys_id"]
    return key


async def _patch(rest: Rest, key: str, **fields: str) -> Answer:
    return await rest.call("PATCH", f"{CHANGES}/{key}", fields)


async def _asked(rest: Rest, simulator: ServiceNowSimulator, kind: str = "normal") -> str:
    """A change whose first approvals are asked for."""
    key = await _open(rest, simulator, kind)
    assert (await _patch(rest, key, state="-4" if kind == "normal" else "-3")).status == 200
    simulator.run_flows()
    return key


def _rows(change: ChangeView) -> dict[str, str]:
    return {row.approver: row.state for row in change.approvals}


@pytest.mark.parametrize(
    ("kind", "start", "reachable"),
    [
        ("normal", "new", {"assess", "canceled"}),
        ("normal", "assess", {"new", "canceled"}),
        ("normal", "authorize", {"new", "canceled"}),
        ("normal", "scheduled", {"implement", "canceled"}),
        ("normal", "implement", {"review", "canceled"}),
        ("normal", "review", {"closed"}),
        ("normal", "closed", set()),
        ("normal", "canceled", set()),
        ("standard", "new", {"scheduled", "canceled"}),
        ("emergency", "new", {"authorize", "canceled"}),
        ("emergency", "authorize", {"new", "canceled"}),
    ],
)
async def test_only_the_manual_moves_of_the_model_can_be_patched(
    rest: Rest, simulator: ServiceNowSimulator, kind: str, start: str, reachable: set[str]
) -> None:
    numbers = {"new": "-5", "assess": "-4", "authorize": "-3", "scheduled": "-2", "implement": "-1"}
    numbers |= {"review": "0", "closed": "3", "canceled": "4"}
    for target, number in numbers.items():
        key = await _open(rest, simulator, kind)
        simulator.move(key, start)
        answer = await _patch(rest, key, state=number, close_code="successful", close_notes="x")
        if target in reachable:
            assert (answer.status, simulator.change(key).state) == (200, target)
        elif target != start:
            assert (answer.status, answer.detail, simulator.change(key).state) == (403, STATE_RULE, start)


@pytest.mark.parametrize(
    ("profile", "status", "state"),
    [
        ("model_strict", 403, "authorize"),
        ("permissive_initial_state", 403, "authorize"),
        ("legacy_type", 200, "scheduled"),
        ("silent_ignore", 200, "authorize"),
    ],
)
async def test_a_move_past_the_approvals_depends_on_the_profile(
    rest: Rest, simulator: ServiceNowSimulator, profile: Profile, status: int, state: str
) -> None:
    simulator.settings.profile = profile
    key = await _open(rest, simulator)
    simulator.move(key, "authorize")
    assert (await _patch(rest, key, state="-2")).status == status
    assert simulator.change(key).state == state


@pytest.mark.parametrize("policy", ["forced", "accepted", "refused"])
async def test_a_first_state_other_than_new_depends_on_the_policy(
    rest: Rest, simulator: ServiceNowSimulator, policy: Any
) -> None:
    simulator.settings.initial_state = policy
    answer = await rest.call("POST", CHANGES, {"state": "-2"})
    kept = {"forced": "-5", "accepted": "-2", "refused": None}[policy]
    assert answer.status == (403 if kept is None else 201)
    assert kept is None or (answer.result["state"], answer.result["approval"]) == (kept, "not requested")


async def test_text_for_a_state_moves_nothing(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await _open(rest, simulator)
    assert (await _patch(rest, key, state="assess")).status == 200
    assert simulator.change(key).state == "new"


async def test_leaving_new_needs_an_assignment_group(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await _open(rest, simulator, assignment_group="")
    answer = await _patch(rest, key, state="-4")
    assert answer.status == 403
    assert answer.detail == "Data Policy Exception: \n\tThe following fields are mandatory: Assignment group"


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, "Close code, Close notes"),
        ({"close_code": "successful"}, "Close notes"),
        ({"close_code": "splendid", "close_notes": "x"}, "Close code"),
    ],
)
async def test_closing_needs_code_and_notes(
    rest: Rest, simulator: ServiceNowSimulator, fields: dict[str, str], missing: str
) -> None:
    key = await _open(rest, simulator)
    simulator.move(key, "review")
    answer = await _patch(rest, key, state="3", **fields)
    assert answer.status == 403
    assert answer.detail == f"Data Policy Exception: \n\tThe following fields are mandatory: {missing}"


async def test_implementing_opens_two_tasks_and_reviewing_cancels_them(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    key = await _open(rest, simulator)
    simulator.move(key, "scheduled")
    await _patch(rest, key, state="-1")
    tasks = await rest.table("change_task", f"change_request={key}")
    assert [(task["short_description"], task["state"]) for task in tasks] == [
        ("Implement", "1"),
        ("Post implementation testing", "1"),
    ]
    await _patch(rest, key, state="0")
    assert [task["state"] for task in await rest.table("change_task")] == ["4", "4"]


async def test_a_manual_task_blocks_closing_until_it_is_closed(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await _open(rest, simulator)
    task = await rest.call("POST", "/api/now/table/change_task", {"change_request": key})
    simulator.move(key, "review")
    outcome = {"close_code": "successful", "close_notes": "x"}
    assert (await _patch(rest, key, state="3", **outcome)).detail == STATE_RULE
    path = f"/api/now/table/change_task/{task.result['sys_id']}"
    assert (await rest.call("PATCH", path, {"state": "3"})).status == 403
    assert (await rest.call("PATCH", path, {"state": "3", **outcome})).status == 200
    assert (await _patch(rest, key, state="3", **outcome)).status == 200


async def test_the_type_is_fixed_once_a_change_has_left_new(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await _open(rest, simulator)
    assert (await _patch(rest, key, type="emergency")).status == 200
    await _patch(rest, key, state="-3")
    assert (await _patch(rest, key, type="standard")).status == 403


async def test_approval_rows_appear_only_after_the_move(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await _open(rest, simulator)
    await _patch(rest, key, state="-4")
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
    await _patch(rest, key, state="-4")
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
    await _patch(rest, key, state=target)
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
    key = await _open(rest, simulator, "standard")
    await _patch(rest, key, state="-2")
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
    key = await _open(rest, simulator)
    assert (await _patch(rest, key, approval="approved")).result["approval"] == "approved"


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
    assert (await _patch(rest, key, on_hold="true")).status == 403
    assert (await _patch(rest, key, on_hold="true", on_hold_reason="freeze")).status == 200
    assert set(_rows(simulator.change(key)).values()) == {"not_required"}
    assert (await _patch(rest, key, state="-5")).status == 403
    assert (await _patch(rest, key, on_hold="false")).status == 200
    assert set(_rows(simulator.change(key)).values()) == {"requested"}


async def test_the_change_api_has_typed_values_and_answers_200_on_creation(rest: Rest) -> None:
    body = {"short_description": "x", "bunk": "y"}
    answer = await rest.call("POST", "/api/sn_chg_rest/change/emergency", body)
    assert answer.status == 200
    assert answer.result["state"] == {"display_value": "New", "value": -5.0}
    assert answer.result["on_hold"]["value"] is False
    assert answer.result["type"]["value"] == "emergency"
    assert answer.result["__meta"] == {"ignoredFields": ["bunk"]}
    read = await rest.call("GET", f"/api/sn_chg_rest/change/{answer.result['sys_id']['value']}")
    assert read.result["number"]["value"] == "CHG0030001"


async def test_the_change_api_refuses_with_the_text_in_the_message(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await _open(rest, simulator)
    answer = await rest.call("PATCH", f"/api/sn_chg_rest/change/{key}", {"state": "-1"})
    assert answer.status == 403
    assert answer.body["error"] == {
        "message": f"Change Request record could not be updated. {STATE_RULE}",
        "detail": "",
    }


async def test_nextstates_holds_the_current_state_and_transitions_in_arrays(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    key = await _open(rest, simulator)
    simulator.move(key, "review")
    result = (await rest.call("GET", f"/api/sn_chg_rest/change/{key}/nextstates")).result
    assert result["available_states"] == ["0", "3"]
    assert result["state_label"] == {"0": "Review", "3": "Closed"}
    ((transition,),) = result["state_transitions"]
    assert (transition["from_state"], transition["to_state"]) == ("0", "3")
    assert (transition["transition_available"], transition["automatic_transition"]) == (False, False)
    assert [(one["condition"]["name"], one["passed"]) for one in transition["conditions"]] == [
        ("Not on hold", True),
        ("Close code and close notes are filled", False),
        ("No open tasks", True),
    ]


async def test_legacy_nextstates_knows_no_transitions(rest: Rest, simulator: ServiceNowSimulator) -> None:
    simulator.settings.profile = "legacy_type"
    key = await _open(rest, simulator)
    simulator.move(key, "authorize")
    result = (await rest.call("GET", f"/api/sn_chg_rest/change/{key}/nextstates")).result
    assert (result["available_states"], result["state_transitions"]) == (["-3", "-2", "-5", "4"], [])


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
