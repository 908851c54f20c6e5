"""What each failure of the instance becomes, and that nothing half-done passes for done."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
import traceback
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
from integrations.servicenow.auth import BasicCredentials, ClientCredentials
from integrations.servicenow.client import PysnowServiceNow
from integrations.servicenow.simulator import ServiceNowSimulator
from tests.servicenow.support import CORRELATION, HandClock, new_change

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
HTML = "<html><body>Your instance is hibernating</body></html>"
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


@pytest.mark.parametrize("active", [True, False])
async def test_wrong_or_dead_credentials_are_refused(
    simulator: ServiceNowSimulator, clock: HandClock, active: bool
) -> None:
    simulator.set_active(simulator.user, active)
    password = "wrong" if active else simulator.password
    client = PysnowServiceNow(simulator.base_url, BasicCredentials(simulator.user, password), clock=clock)
    with pytest.raises(RefusedError, match="User Not Authenticated") as caught:
        await client.whoami()
    assert caught.value.status == 401
    await client.close()


def _everything(error: BaseException) -> str:
    """What a log with local variables could show of our frames (those of the test know the secret)."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if frame.f_code.co_filename != __file__]
    assert ours
    values = [repr(value) for frame in ours for value in frame.f_locals.values()]
    return f"{error!r}{error}{error.__cause__!r}{error.__context__!r}{values}"


@pytest.mark.parametrize("status", [0, 401, 403, 500])
async def test_no_secret_shows_in_errors_representations_or_logs(
    simulator: ServiceNowSimulator, clock: HandClock, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "s3cr3t-p\u00e4ssword"
    simulator.add_user("bot", password=secret, roles=("itil",))
    credentials = BasicCredentials("bot", secret)
    client = PysnowServiceNow(simulator.base_url, credentials, clock=clock)
    await client.whoami()
    body = f'{{"error":{{"message":"Failed","detail":"you sent {secret}"}}}}'
    simulator.fail_next("*", ".*", status, body, times=9)
    with pytest.raises(NeighbourError) as caught:
        await client.add_work_note("a" * 32, "x")
    await client.close()
    shown = f"{_everything(caught.value)}{client!r}{credentials!r}{caplog.text}"
    assert secret not in shown


async def test_a_token_that_the_instance_echoes_is_not_shown(simulator: ServiceNowSimulator, clock: HandClock) -> None:
    simulator.add_oauth_client("client", "client-secret", simulator.user)
    client = PysnowServiceNow(simulator.base_url, ClientCredentials("client", "client-secret"), clock=clock)
    await client.whoami()
    (token, _) = simulator.instance.people.token("client", "client-secret", 1) or ("", 0)
    simulator.fail_next("GET", ".*", 403, json.dumps({"error": {"message": f"bad token {token}"}}))
    with pytest.raises(RefusedError, match="bad token …") as caught:
        await client.whoami()
    assert token
    assert token not in _everything(caught.value)
    await client.close()


async def test_a_token_is_fetched_once_and_used_by_all(simulator: ServiceNowSimulator, clock: HandClock) -> None:
    simulator.add_oauth_client("client", "client-secret", simulator.user)
    client = PysnowServiceNow(simulator.base_url, ClientCredentials("client", "client-secret"), clock=clock)
    people = await asyncio.gather(*(client.whoami() for _ in range(8)))
    assert {person.user_name for person in people} == {simulator.user}
    assert _token_calls(simulator) == 1
    clock.forward(1800)
    await client.whoami()
    assert _token_calls(simulator) == 2
    await client.close()


async def test_a_token_that_is_no_longer_taken_is_fetched_anew_even_for_a_write(
    simulator: ServiceNowSimulator, clock: HandClock
) -> None:
    simulator.add_oauth_client("client", "client-secret", simulator.user)
    client = PysnowServiceNow(simulator.base_url, ClientCredentials("client", "client-secret"), clock=clock)
    change = await client.open_change(new_change())
    simulator.revoke_tokens()
    await client.add_work_note(change.sys_id, "once")
    assert await client.work_notes(change.sys_id) == ("once",)
    await client.close()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, '{"error_description":"access_denied","error":"server_error"}', RefusedError),
        (200, HTML, UnavailableError),
        (200, '{"access_token":"","expires_in":5}', UnavailableError),
        (500, "", UnavailableError),
        (429, "", RateLimitedError),
        (302, "", UnavailableError),
        (0, "", UnavailableError),
    ],
)
async def test_without_a_token_nothing_is_sent(
    simulator: ServiceNowSimulator, clock: HandClock, status: int, body: str, error: type[NeighbourError]
) -> None:
    simulator.add_oauth_client("client", "client-secret", simulator.user)
    client = PysnowServiceNow(simulator.base_url, ClientCredentials("client", "client-secret"), clock=clock)
    simulator.fail_next("POST", "/oauth_token.do", status, body, times=9)
    with pytest.raises(error) as caught:
        await client.add_work_note("a" * 32, "x")
    assert "client-secret" not in _everything(caught.value)
    assert all(seen.path == "/oauth_token.do" for seen in simulator.requests())
    await client.close()


async def test_a_wrong_client_secret_is_refused(simulator: ServiceNowSimulator, clock: HandClock) -> None:
    simulator.add_oauth_client("client", "client-secret", simulator.user)
    client = PysnowServiceNow(simulator.base_url, ClientCredentials("client", "other"), clock=clock)
    with pytest.raises(RefusedError, match="client_credentials is enabled"):
        await client.whoami()
    await client.close()


def _token_calls(simulator: ServiceNowSimulator) -> int:
    return sum(seen.path == "/oauth_token.do" for seen in simulator.requests())


@pytest.mark.parametrize(
    "address",
    [
        "http://acme.service-now.com",
        "https://user:pw@acme.service-now.com",
        "https://acme.service-now.com/api",
        "https://acme.service-now.com?x=1",
        "ftp://acme.service-now.com",
        "acme.service-now.com",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "",
    ],
)
def test_an_address_that_is_unsafe_or_no_instance_is_refused(address: str, clock: HandClock) -> None:
    with pytest.raises(ValueError) as caught:
        PysnowServiceNow(address, BasicCredentials("a", "pw"), clock=clock)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("address", ["https://acme.service-now.com", "http://localhost:8080", "http://[::1]:80/"])
async def test_https_and_loopback_are_taken(address: str, clock: HandClock) -> None:
    await PysnowServiceNow(address, BasicCredentials("a", "b"), clock=clock).close()


async def test_proxies_and_netrc_of_the_environment_are_ignored(
    client: PysnowServiceNow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await client.whoami()).active


async def test_another_change_than_the_asked_one_is_not_taken(
    client: PysnowServiceNow, simulator: ServiceNowSimulator, key: str
) -> None:
    row = {**simulator.change_row(key), "sys_id": "1" * 32}
    simulator.fail_next("GET", "change_request", 200, json.dumps({"result": row}))
    with pytest.raises(UnavailableError, match=f"asked ServiceNow for the change {key}"):
        await client.change(key)


async def test_a_simulator_can_be_refused(simulator: ServiceNowSimulator, clock: HandClock) -> None:
    credentials = BasicCredentials(simulator.user, simulator.password)
    client = PysnowServiceNow(simulator.base_url, credentials, clock=clock, refuse_simulator=True)
    for simulator.settings.hibernating in (False, True):
        with pytest.raises(RefusedError, match="answered by a simulator"):
            await client.whoami()
    await client.close()


def test_importing_the_client_warns_of_nothing_even_without_libmagic() -> None:
    code = "import sys; sys.modules['magic'] = None; import integrations.servicenow.client"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_cookies_of_the_instance_are_not_kept(client: PysnowServiceNow, simulator: ServiceNowSimulator) -> None:
    await client.whoami()
    await client.whoami()
    assert not any(seen.cookie for seen in simulator.requests())
