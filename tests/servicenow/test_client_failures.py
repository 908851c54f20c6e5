"""What each failure of the instance becomes, and that nothing half-done passes for done."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable

import pytest

from integrations.errors import (
    InDoubtError,
    NeighbourError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)
from integrations.servicenow.auth import BasicCredentials
from integrations.servicenow.client import PysnowServiceNow
from integrations.servicenow.simulator import ServiceNowSimulator
from tests.servicenow.support import CORRELATION, HTML, HandClock, new_change

Call = Callable[[PysnowServiceNow, str], Awaitable[object]]

READS: dict[str, Call] = {
    "whoami": lambda client, _: client.whoami(),
    "find_changes": lambda client, _: client.find_changes(CORRELATION),
    "change": lambda client, key: client.change(key),
    "approvals": lambda client, key: client.approvals(key),
    "work_notes": lambda client, key: client.work_notes(key),
    "attachments": lambda client, key: client.attachments(key),
    "user": lambda client, _: client.user("rita.risk"),
    "group_members": lambda client, _: client.group_members("Change Management"),
}
WRITES: dict[str, tuple[str, Call]] = {
    "open_change": ("POST", lambda client, _: client.open_change(new_change())),
    "update_change": ("PATCH", lambda client, key: client.update_change(key, {"description": "x"})),
    "advance": ("PATCH", lambda client, key: client.advance(key, "assess")),
    "cancel_change": ("PATCH", lambda client, key: client.cancel_change(key, "superseded")),
    "add_work_note": ("PATCH", lambda client, key: client.add_work_note(key, "note")),
    "attach": ("POST", lambda client, key: client.attach(key, "a.json", b"{}", "application/json")),
}
PARTIAL = (
    '{"result":[],"error":{"message":"Transaction cancelled: maximum execution time exceeded",'
    '"detail":"Check logs for error trace."},"status":"failure"}'
)
PARTIAL_ONE = PARTIAL.replace('"result":[]', '"result":{"sys_id":"x"}')
TRUNCATED = '{"result":[{"sys_id":"0123'
UNREADABLE = [
    pytest.param(200, PARTIAL, "application/json", id="partial result with an error"),
    pytest.param(200, PARTIAL_ONE, "application/json", id="partial record with an error"),
    pytest.param(200, TRUNCATED, "application/json", id="cut off"),
    pytest.param(200, HTML, "text/html", id="hibernating"),
    pytest.param(200, "", "application/json", id="empty"),
    pytest.param(200, "null", "application/json", id="null"),
    pytest.param(200, "[]", "application/json", id="a list"),
    pytest.param(200, "{}", "application/json", id="no result"),
    pytest.param(200, '{"result":"text"}', "application/json", id="result is text"),
    pytest.param(202, '{"result":[]}', "application/json", id="accepted only"),
    pytest.param(204, "", "application/json", id="no content"),
    pytest.param(302, "", "text/html", id="redirect to sign-in"),
    pytest.param(500, '{"error":{"message":"Transaction cancelled"}}', "application/json", id="500"),
    pytest.param(503, HTML, "text/html", id="503"),
    pytest.param(408, "", "text/plain", id="408"),
    pytest.param(0, "", "", id="broken connection"),
]


@pytest.fixture
async def key(client: PysnowServiceNow) -> str:
    return (await client.open_change(new_change())).sys_id


def _fail(
    simulator: ServiceNowSimulator, method: str, status: int, body: str, kind: str, *, commit: bool = False
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    if status == 302:
        headers["Location"] = f"{simulator.base_url}/api/now/table/sys_user"
    simulator.fail_next(method, ".*", status, body, headers, commit_first=commit, times=5)


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize(("status", "body", "kind"), UNREADABLE)
async def test_a_read_without_a_whole_answer_is_unavailable(
    client: PysnowServiceNow,
    simulator: ServiceNowSimulator,
    key: str,
    name: str,
    status: int,
    body: str,
    kind: str,
) -> None:
    _fail(simulator, "GET", status, body, kind)
    with pytest.raises(UnavailableError):
        await READS[name](client, key)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(("status", "body", "kind"), UNREADABLE)
async def test_a_write_without_a_whole_answer_is_in_doubt(
    client: PysnowServiceNow,
    simulator: ServiceNowSimulator,
    key: str,
    name: str,
    status: int,
    body: str,
    kind: str,
) -> None:
    method, call = WRITES[name]
    _fail(simulator, method, status, body, kind)
    with pytest.raises(InDoubtError):
        await call(client, key)


@pytest.mark.parametrize("status", [0, 500])
async def test_an_opening_that_failed_after_it_was_kept_is_found_by_its_correlation(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, status: int
) -> None:
    simulator.fail_next("POST", "/table/change_request$", status, commit_first=True)
    with pytest.raises(InDoubtError):
        await client.open_change(new_change())
    (found,) = await client.find_changes(CORRELATION)
    assert found.created_by == simulator.user


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_is_never_sent_twice(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str, name: str
) -> None:
    method, call = WRITES[name]
    simulator.forget_requests()
    simulator.fail_next(method, ".*", 503, times=9)
    with pytest.raises(InDoubtError):
        await call(client, key)
    assert [seen.method for seen in simulator.requests()].count(method) == 1


@pytest.mark.parametrize("status", [0, 502, 503, 504])
async def test_a_read_is_tried_again(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str, status: int
) -> None:
    simulator.fail_next("GET", ".*", status)
    assert (await client.change(key)).sys_id == key


async def test_a_lost_read_back_leaves_a_write_in_doubt(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str
) -> None:
    simulator.fail_next("GET", ".*", 500)
    with pytest.raises(InDoubtError, match="written, but not read back"):
        await client.update_change(key, {"description": "kept"})
    assert simulator.change(key).description == "kept"


@pytest.mark.parametrize("name", [*READS, *WRITES])
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RefusedError), (401, RefusedError), (403, RefusedError), (404, NotFoundError), (409, RefusedError)],
)
async def test_a_refusal_is_told_with_its_text(
    client: PysnowServiceNow,
    simulator: ServiceNowSimulator,
    key: str,
    name: str,
    status: int,
    error: type[NeighbourError],
) -> None:
    method, call = WRITES.get(name, ("GET", READS.get(name)))
    assert call is not None
    body = '{"error":{"message":"Operation Failed","detail":"because of this"},"status":"failure"}'
    simulator.fail_next(method, ".*", status, body)
    with pytest.raises(error, match=f"answered {status}: Operation Failed: because of this") as caught:
        await call(client, key)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Retry-After": "0"}, 0.0),
        ({"X-RateLimit-Reset": "1790000042"}, 42.0),
        ({"X-RateLimit-Reset": "1780000000"}, 0.0),
        ({"Retry-After": "99999999"}, 86_400.0),
        ({"Retry-After": "soon"}, 60.0),
        ({}, 60.0),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_too_many_requests_says_how_long_to_wait(
    client: PysnowServiceNow,
    simulator: ServiceNowSimulator,
    key: str,
    method: str,
    headers: dict[str, str],
    wait: float,
) -> None:
    simulator.fail_next(method, ".*", 429, "{}", headers)
    with pytest.raises(RateLimitedError) as caught:
        await client.add_work_note(key, "x") if method == "PATCH" else await client.change(key)
    assert caught.value.retry_after == wait


async def test_the_instances_own_rate_limit_is_met(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    simulator.settings.rate_limit = 2
    await client.whoami()
    await client.whoami()
    with pytest.raises(RateLimitedError, match="Rate limit of 2 requests per hour"):
        await client.whoami()


async def test_a_business_rule_is_named(client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str) -> None:
    simulator.move(key, "authorize")
    body = '{"available_states":["-3","-2"],"state_transitions":[],"state_label":{}}'
    simulator.fail_next("GET", "nextstates", 200, f'{{"result":{body}}}')
    with pytest.raises(RefusedError, match="aborted by Business Rule 'Change Model: Check State Transition"):
        await client.advance(key, "scheduled")


async def test_a_missing_mandatory_field_is_named(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    change = await client.open_change(new_change(assignment_group=None))
    with pytest.raises(RefusedError, match="assess asks for Assignment group is set"):
        await client.advance(change.sys_id, "assess")
    assert simulator.change(change.number).state == "new"


@pytest.mark.parametrize("name", ["advance", "cancel_change"])
async def test_a_move_that_is_accepted_but_not_made_is_refused(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str, name: str
) -> None:
    simulator.settings.profile = "silent_ignore"
    with pytest.raises(RefusedError, match="but the change is in new"):
        await WRITES[name][1](client, key)


async def test_closing_notices_that_nothing_moves(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str
) -> None:
    simulator.move(key, "review")
    simulator.settings.profile = "silent_ignore"
    with pytest.raises(RefusedError, match="but the change is in review"):
        await client.close_change(key, "successful", "done")


@pytest.mark.parametrize("missing", ["0" * 32, "f" * 32])
async def test_a_change_that_is_missing_or_hidden_is_not_found(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str, missing: str
) -> None:
    simulator.hide_row("change_request", key)
    for sys_id in (missing, key):
        with pytest.raises(NotFoundError, match="ACL restricts the record retrieval"):
            await client.change(sys_id)


@pytest.mark.parametrize("sys_id", ["", "CHG0030001", "../sys_user", "a" * 31, "A" * 32, "a" * 32 + "\n"])
async def test_what_is_no_sys_id_is_never_sent(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, sys_id: str
) -> None:
    for name in ("change", "approvals", "work_notes", "attachments"):
        with pytest.raises(RefusedError, match="sys_id"):
            await READS[name](client, sys_id)
    assert simulator.requests() == ()


@pytest.mark.parametrize(
    ("table", "field", "name"),
    [
        ("change_request", "correlation_id", "find_changes"),
        ("change_request", "approval", "change"),
        ("sys_user", "active", "user"),
        ("sys_user", "active", "group_members"),
        ("sysapproval_approver", "sys_updated_by", "approvals"),
        ("sysapproval_group", "assignment_group", "approvals"),
        ("sys_user", "active", "approvals"),
    ],
)
async def test_a_hidden_field_is_unreadable_not_empty(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str, table: str, field: str, name: str
) -> None:
    await client.advance(key, "assess")
    simulator.run_flows()
    simulator.hide_field(table, field)
    with pytest.raises(UnavailableError, match="may the integration user read this field"):
        await READS[name](client, key)


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("change_request", "find_changes"),
        ("sysapproval_approver", "approvals"),
        ("sys_journal_field", "work_notes"),
        ("sys_user", "user"),
        ("sys_user_group", "group_members"),
        ("sys_user_grmember", "group_members"),
        ("sys_user_grmember", "approvals"),
    ],
)
async def test_rows_that_were_not_asked_for_are_not_taken(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str, table: str, name: str
) -> None:
    """The instance drops a condition that it does not know and answers with everything."""
    other = await client.open_change(new_change(correlation_id="1" * 32))
    for change in (key, other.sys_id):
        await client.advance(change, "assess")
        await client.add_work_note(change, "note")
    simulator.run_flows()
    simulator.settings.ignore_conditions_on = (table,)
    with pytest.raises(UnavailableError, match="not asked for"):
        await READS[name](client, key)


async def test_an_instance_that_keeps_another_correlation_is_refused(
    client: PysnowServiceNow, simulator: ServiceNowSimulator
) -> None:
    simulator.settings.unwritable_fields = ("correlation_id",)
    with pytest.raises(RefusedError, match=r"CHG0030001 .* did not keep correlation_id"):
        await client.open_change(new_change())


async def test_an_unreachable_instance_is_unavailable_also_for_writes(clock: HandClock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = PysnowServiceNow(address, BasicCredentials("a", "b"), clock=clock)
        with pytest.raises(UnavailableError):
            await client.whoami()
        with pytest.raises(UnavailableError):
            await client.add_work_note("a" * 32, "never sent")
        await client.close()


async def test_a_write_that_is_not_answered_in_time_is_in_doubt(
    simulator: ServiceNowSimulator, clock: HandClock, client: PysnowServiceNow, key: str
) -> None:
    hasty = PysnowServiceNow(
        simulator.base_url, BasicCredentials(simulator.user, simulator.password), clock=clock, timeout_s=0.2
    )
    simulator.settings.latency_s = 3600
    with pytest.raises(InDoubtError, match="ReadTimeout"):
        await hasty.add_work_note(key, "slow")
    with pytest.raises(UnavailableError):
        await hasty.change(key)
    await hasty.close()


async def test_another_change_than_the_asked_one_is_not_taken(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str
) -> None:
    row = {**simulator.change_row(key), "sys_id": "1" * 32}
    simulator.fail_next("GET", "change_request", 200, json.dumps({"result": row}))
    with pytest.raises(UnavailableError, match=f"asked ServiceNow for the change {key}"):
        await client.change(key)
