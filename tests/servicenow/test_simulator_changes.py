"""The simulator moves changes as instances do."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.servicenow.simulator import ServiceNowSimulator
from integrations.servicenow.simulator.settings import Profile
from tests.servicenow.support import CHANGES, Rest, open_row, patch

STATE_RULE = (
    "Operation against file 'change_request' was aborted by Business Rule "
    "'Change Model: Check State Transition^b6dae9e15317101034d1ddeeff7b1278'. "
    "Business Rule Stack:Change Model: Check State Transition"
)


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
        key = await open_row(rest, simulator, kind)
        simulator.move(key, start)
        answer = await patch(rest, key, state=number, close_code="successful", close_notes="x")
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
    key = await open_row(rest, simulator)
    simulator.move(key, "authorize")
    assert (await patch(rest, key, state="-2")).status == status
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
    key = await open_row(rest, simulator)
    assert (await patch(rest, key, state="assess")).status == 200
    assert simulator.change(key).state == "new"


async def test_leaving_new_needs_an_assignment_group(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await open_row(rest, simulator, assignment_group="")
    answer = await patch(rest, key, state="-4")
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
    key = await open_row(rest, simulator)
    simulator.move(key, "review")
    answer = await patch(rest, key, state="3", **fields)
    assert answer.status == 403
    assert answer.detail == f"Data Policy Exception: \n\tThe following fields are mandatory: {missing}"


async def test_implementing_opens_two_tasks_and_reviewing_cancels_them(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    key = await open_row(rest, simulator)
    simulator.move(key, "scheduled")
    await patch(rest, key, state="-1")
    tasks = await rest.table("change_task", f"change_request={key}")
    assert [(task["short_description"], task["state"]) for task in tasks] == [
        ("Implement", "1"),
        ("Post implementation testing", "1"),
    ]
    await patch(rest, key, state="0")
    assert [task["state"] for task in await rest.table("change_task")] == ["4", "4"]


async def test_a_manual_task_blocks_closing_until_it_is_closed(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await open_row(rest, simulator)
    task = await rest.call("POST", "/api/now/table/change_task", {"change_request": key})
    simulator.move(key, "review")
    outcome = {"close_code": "successful", "close_notes": "x"}
    assert (await patch(rest, key, state="3", **outcome)).detail == STATE_RULE
    path = f"/api/now/table/change_task/{task.result['sys_id']}"
    assert (await rest.call("PATCH", path, {"state": "3"})).status == 403
    assert (await rest.call("PATCH", path, {"state": "3", **outcome})).status == 200
    assert (await patch(rest, key, state="3", **outcome)).status == 200


async def test_the_type_is_fixed_once_a_change_has_left_new(rest: Rest, simulator: ServiceNowSimulator) -> None:
    key = await open_row(rest, simulator)
    assert (await patch(rest, key, type="emergency")).status == 200
    await patch(rest, key, state="-3")
    assert (await patch(rest, key, type="standard")).status == 403


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
    key = await open_row(rest, simulator)
    answer = await rest.call("PATCH", f"/api/sn_chg_rest/change/{key}", {"state": "-1"})
    assert answer.status == 403
    assert answer.body["error"] == {
        "message": f"Change Request record could not be updated. {STATE_RULE}",
        "detail": "",
    }


async def test_nextstates_holds_the_current_state_and_transitions_in_arrays(
    rest: Rest, simulator: ServiceNowSimulator
) -> None:
    key = await open_row(rest, simulator)
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
    key = await open_row(rest, simulator)
    simulator.move(key, "authorize")
    result = (await rest.call("GET", f"/api/sn_chg_rest/change/{key}/nextstates")).result
    assert (result["available_states"], result["state_transitions"]) == (["-3", "-2", "-5", "4"], [])
