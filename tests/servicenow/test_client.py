"""Every call of the port, over real HTTP."""

from __future__ import annotations

import asyncio

import pytest

from integrations.errors import NotFoundError, RefusedError
from integrations.servicenow.client import PysnowServiceNow
from integrations.servicenow.port import ApprovalRow, Change, ChangeState, ServiceNow, UserGroup
from integrations.servicenow.simulator import ServiceNowSimulator
from tests.servicenow.support import CORRELATION, START, HandClock, Rest, group_id, new_change

_HOUR = 3_600_000_000


async def _to(client: PysnowServiceNow, simulator: ServiceNowSimulator, state: str) -> Change:
    opened = await client.open_change(new_change())
    simulator.move(opened.number, state)
    return await client.change(opened.sys_id)


def test_the_client_is_a_servicenow(client: PysnowServiceNow) -> None:
    port: ServiceNow = client
    assert port is client


async def test_whoami_is_the_integration_user(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    me = await client.whoami()
    assert (me.user_name, me.active) == (simulator.user, True)


async def test_an_opened_change_is_read_as_it_was_asked_for(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    asked = new_change(start=START + _HOUR, end=START + 2 * _HOUR, description="Zeile eins\nZeile zwei: ‘ü’ & <b>")
    change = await client.open_change(asked)
    assert change == await client.change(change.sys_id)
    assert change == Change(
        sys_id=change.sys_id,
        number="CHG0030001",
        type="normal",
        state="new",
        approval="not requested",
        correlation_id=CORRELATION,
        created_by=simulator.user,
        start=START + _HOUR,
        end=START + 2 * _HOUR,
        on_hold=False,
        short_description=asked.short_description,
        description=asked.description,
        updated_at=START,
        mod_count=0,
    )


async def test_all_fields_of_a_new_change_arrive(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    change = await client.open_change(new_change(risk="high"))
    row = simulator.change_row(change.sys_id)
    assert {name: row[name] for name in ("implementation_plan", "backout_plan", "test_plan", "justification")} == {
        "implementation_plan": "Swap the model",
        "backout_plan": "Swap it back",
        "test_plan": "Compare with the back-test",
        "justification": "Fewer breaches",
    }
    assert row["risk"] == "2"
    assert (
        row["assignment_group"]
        == (simulator.instance.store.find("sys_user_group", name="Change Management"))[0]["sys_id"]
    )


async def test_text_that_the_instance_would_cut_off_is_refused_before_it_is_sent(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    with pytest.raises(RefusedError, match="description has 4001 characters"):
        await client.open_change(new_change(description="x" * 4001, assignment_group=None))
    assert simulator.changes() == ()


async def test_a_correlation_that_could_not_be_looked_for_opens_nothing(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    with pytest.raises(RefusedError, match="correlation_id"):
        await client.open_change(new_change(correlation_id="a^b"))
    assert simulator.changes() == ()


async def test_an_unknown_assignment_group_opens_nothing(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    with pytest.raises(NotFoundError, match="Nobody"):
        await client.open_change(new_change(assignment_group="Nobody"))
    assert simulator.changes() == ()


async def test_changes_are_found_by_correlation_whoever_made_them(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    ours = await client.open_change(new_change())
    planted = simulator.plant_change({"correlation_id": CORRELATION, "state": "-2", "approval": "approved"})
    simulator.plant_change({"correlation_id": "f" * 32})
    found = await client.find_changes(CORRELATION)
    assert {(change.sys_id, change.created_by) for change in found} == {
        (ours.sys_id, simulator.user),
        (planted.sys_id, "mallory"),
    }
    assert await client.find_changes("0" * 32) == ()


async def test_fields_are_updated_and_read_back(client: PysnowServiceNow, clock: HandClock) -> None:
    opened = await client.open_change(new_change())
    clock.forward(5)
    wanted = {"description": "new text\nline two", "start_date": "2026-12-01 18:00:00"}
    changed = await client.update_change(opened.sys_id, wanted)
    assert changed.description == "new text\nline two"
    assert changed.start == 1_796_148_000_000_000
    assert (changed.mod_count, changed.updated_at) == (1, START + 5_000_000)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"state": "-1"},
        {"approval": "approved"},
        {"sys_created_by": "someone"},
        {"correlation_id": "0" * 32},
        {"work_notes": "x"},
        {"start_date": "2026-12-01T18:00:00Z"},
        {"short_description": "x" * 161},
    ],
)
async def test_fields_that_are_not_plain_are_never_sent(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, fields: dict[str, str]
) -> None:
    opened = await client.open_change(new_change())
    simulator.forget_requests()
    with pytest.raises(RefusedError):
        await client.update_change(opened.sys_id, fields)
    assert simulator.requests() == ()


async def test_a_field_that_the_instance_ignores_is_noticed(client: PysnowServiceNow) -> None:
    opened = await client.open_change(new_change())
    with pytest.raises(RefusedError, match="did not keep u_release"):
        await client.update_change(opened.sys_id, {"u_release": "3.2.0", "description": "x"})


async def test_a_normal_change_walks_through_both_approvals_to_closed(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    opened = await client.open_change(new_change())
    assert (await client.advance(opened.sys_id, "scheduled")).state == "assess"
    assert await client.approvals(opened.sys_id) == ()
    simulator.run_flows()
    simulator.decide_change(opened.number, "rita.risk", "approved")
    simulator.run_flows()
    assert (await client.change(opened.sys_id)).state == "authorize"
    simulator.decide_change(opened.number, "carl.cab", "approved")
    simulator.run_flows()
    scheduled = await client.change(opened.sys_id)
    assert (scheduled.state, scheduled.approval) == ("scheduled", "approved")
    assert (await client.advance(opened.sys_id, "implement")).state == "implement"
    closed = await client.close_change(opened.sys_id, "successful", "Deployed, metrics normal")
    assert closed.state == "closed"
    seen = simulator.change(opened.number)
    assert (seen.close_code, seen.close_notes) == ("successful", "Deployed, metrics normal")


async def test_an_approval_row_says_who_was_asked_for_which_group_and_who_wrote_it(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, clock: HandClock
) -> None:
    opened = await client.open_change(new_change())
    await client.advance(opened.sys_id, "assess")
    simulator.run_flows()
    clock.forward(60)
    simulator.decide_change(opened.number, "rita.risk", "approved")
    rows = {row.approver_user_name: row for row in await client.approvals(opened.sys_id)}
    rita = (await client.user("rita.risk")).sys_id
    group = simulator.instance.store.find("sys_user_group", name="Change Management")[0]["sys_id"]
    assert rows["rita.risk"] == ApprovalRow(
        sys_id=rows["rita.risk"].sys_id,
        approver=rita,
        approver_active=True,
        state="approved",
        updated_by="rita.risk",
        updated_at=START + 60_000_000,
        created_at=START,
        approver_user_name="rita.risk",
        group=group,
        group_name="Change Management",
        approver_in_group=True,
    )
    assert rows["rob.risk"].state == "requested"


async def test_membership_and_activity_are_those_at_reading_time(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    opened = await client.open_change(new_change())
    await client.advance(opened.sys_id, "assess")
    simulator.run_flows()
    simulator.remove_member("Change Management", "rita.risk")
    simulator.add_member("CAB Approval", "rita.risk")
    simulator.set_active("rob.risk", False)
    rows = {row.approver_user_name: row for row in await client.approvals(opened.sys_id)}
    assert (rows["rita.risk"].approver_in_group, rows["rita.risk"].approver_active) == (False, True)
    assert (rows["rob.risk"].approver_in_group, rows["rob.risk"].approver_active) == (True, False)


async def test_a_row_without_a_group_or_of_a_deleted_user_proves_little(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    opened = await client.open_change(new_change())
    row = {"sysapproval": opened.sys_id, "state": "approved", "approver": "d" * 32}
    simulator.insert("sysapproval_approver", row)
    (found,) = await client.approvals(opened.sys_id)
    assert (found.group, found.group_name, found.approver_in_group) == (None, None, False)
    assert (found.approver_active, found.approver_user_name, found.updated_by) == (False, "", "system")


async def test_approvals_of_other_changes_are_not_mixed_in(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    first = await client.open_change(new_change())
    second = await client.open_change(new_change(correlation_id="1" * 32))
    await client.advance(second.sys_id, "assess")
    simulator.run_flows()
    assert await client.approvals(first.sys_id) == ()
    assert len(await client.approvals(second.sys_id)) == 2


@pytest.mark.parametrize(
    ("state", "target", "offered"),
    [("authorize", "scheduled", "new, canceled"), ("review", "canceled", "nothing"), ("closed", "new", "nothing")],
)
async def test_a_move_that_is_not_offered_is_refused_with_what_is(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, state: str, target: ChangeState, offered: str
) -> None:
    change = await _to(client, simulator, state)
    with pytest.raises(RefusedError, match=f"in {state} .* the instance offers {offered}"):
        await client.advance(change.sys_id, target)
    assert simulator.change(change.number).state == state


async def test_advancing_to_where_a_change_is_writes_nothing(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    change = await _to(client, simulator, "implement")
    simulator.forget_requests()
    assert (await client.advance(change.sys_id, "implement")).mod_count == change.mod_count
    assert {seen.method for seen in simulator.requests()} == {"GET"}


@pytest.mark.parametrize("state", ["scheduled", "implement", "review"])
async def test_closing_walks_from_any_later_state(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, state: str
) -> None:
    change = await _to(client, simulator, state)
    closed = await client.close_change(change.sys_id, "unsuccessful", "Rolled back")
    assert closed.state == "closed"
    assert simulator.change(change.number).close_code == "unsuccessful"


@pytest.mark.parametrize("state", ["new", "assess", "authorize", "canceled"])
async def test_a_change_that_was_never_scheduled_is_not_closed(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, state: str
) -> None:
    change = await _to(client, simulator, state)
    with pytest.raises(RefusedError, match=f"the change is in {state}"):
        await client.close_change(change.sys_id, "successful", "done")
    assert simulator.change(change.number).state == state


async def test_closing_twice_with_the_same_outcome_is_once(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    change = await _to(client, simulator, "implement")
    closed = await client.close_change(change.sys_id, "successful", "done")
    assert await client.close_change(change.sys_id, "successful", "done") == closed
    with pytest.raises(RefusedError, match="closed as 'successful', not as 'unsuccessful'"):
        await client.close_change(change.sys_id, "unsuccessful", "no")


async def test_workflow_tasks_are_closed_when_they_block_and_left_alone_when_not(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, rest: Rest
) -> None:
    free = await _to(client, simulator, "implement")
    await client.close_change(free.sys_id, "successful", "done")
    assert [task["state"] for task in await rest.table("change_task")] == ["4", "4"]
    simulator.settings.tasks_block_review = True
    blocked = await client.open_change(new_change(correlation_id="2" * 32))
    simulator.move(blocked.number, "implement")
    assert (await client.close_change(blocked.sys_id, "successful", "done")).state == "closed"
    tasks = await rest.table("change_task", f"change_request={blocked.sys_id}")
    assert [(task["state"], task["close_code"]) for task in tasks] == [("3", "successful"), ("3", "successful")]


async def test_a_task_that_a_person_opened_keeps_the_change_open(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, rest: Rest
) -> None:
    change = await _to(client, simulator, "implement")
    await rest.call("POST", "/api/now/table/change_task", {"change_request": change.sys_id})
    with pytest.raises(RefusedError, match=r"tasks opened by people block the change: CTASK\d+"):
        await client.close_change(change.sys_id, "successful", "done")
    assert simulator.change(change.number).state == "review"


async def test_canceling_keeps_the_reason_as_a_work_note(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    change = await _to(client, simulator, "assess")
    assert (await client.cancel_change(change.sys_id, "superseded by a push")).state == "canceled"
    assert await client.work_notes(change.sys_id) == ("superseded by a push",)
    assert (await client.cancel_change(change.sys_id, "again")).state == "canceled"
    assert await client.work_notes(change.sys_id) == ("superseded by a push",)


async def test_work_notes_are_read_in_the_order_of_writing_without_other_journals(
    client: PysnowServiceNow, clock: HandClock, rest: Rest
) -> None:
    change = await client.open_change(new_change())
    for text in ("first", "second ^ with caret", "third\nwith two lines"):
        clock.forward(1)
        await client.add_work_note(change.sys_id, text)
    await rest.call("PATCH", f"/api/now/table/change_request/{change.sys_id}", {"comments": "for the customer"})
    assert await client.work_notes(change.sys_id) == ("first", "second ^ with caret", "third\nwith two lines")


async def test_an_attachment_arrives_byte_for_byte(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    change = await client.open_change(new_change())
    content = bytes(range(256)) * 40
    key = await client.attach(change.sys_id, "evidence & proof.json", content, "application/json")
    assert await client.attachments(change.sys_id) == ("evidence & proof.json",)
    assert simulator.instance.store.contents[key] == content


async def test_people_are_read_by_name(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    simulator.set_active("rob.risk", False)
    assert (await client.user("rita.risk")).name == "Rita Risk"
    assert not (await client.user("rob.risk")).active
    with pytest.raises(NotFoundError, match=r"no\.such\.user"):
        await client.user("no.such.user")


async def test_group_members_are_the_active_ones(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    simulator.set_active("rob.risk", False)
    simulator.add_member("Change Management", "rita.risk")
    assert [user.user_name for user in await client.group_members("Change Management")] == ["rita.risk"]


async def test_a_group_is_found_by_its_name_and_by_its_sys_id(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    key = group_id(simulator)
    assert await client.group("Change Management") == await client.group(key) == UserGroup(key, "Change Management")
    assert await client.group_members("Change Management") == await client.group_members(key) != ()


async def test_a_group_that_is_missing_inactive_or_there_twice_has_no_members(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    simulator.add_group("Closed", ["rita.risk"], active=False)
    simulator.add_group("Twice", ["rita.risk"])
    simulator.add_group("Twice", ["rob.risk"])
    for name in ("Missing", "Closed", "Twice", "0" * 32, group_id(simulator, "Closed")):
        with pytest.raises(NotFoundError, match=name):
            await client.group_members(name)


async def test_many_members_are_read_over_several_pages(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    names = [f"person{index:04d}" for index in range(1101)]
    for name in names:
        simulator.add_user(name)
    simulator.add_group("Everyone", names)
    assert sorted(user.user_name for user in await client.group_members("Everyone")) == names


async def test_parallel_calls_do_not_mix_their_parameters(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    keys = [f"{index:032x}" for index in range(24)]
    opened = await asyncio.gather(
        *(client.open_change(new_change(correlation_id=key, assignment_group=None)) for key in keys)
    )
    assert [change.correlation_id for change in opened] == keys
    found, read, people = await asyncio.gather(
        asyncio.gather(*(client.find_changes(key) for key in keys)),
        asyncio.gather(*(client.change(change.sys_id) for change in opened)),
        asyncio.gather(*(client.user("rita.risk") for _ in keys)),
    )
    assert [[change.sys_id for change in one] for one in found] == [[change.sys_id] for change in opened]
    assert read == opened
    assert {user.user_name for user in people} == {"rita.risk"}
