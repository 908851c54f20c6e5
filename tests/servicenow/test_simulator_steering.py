"""Levers of the simulator: sign-in, faults, limits, steering over HTTP, the page, standing alone."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from urllib.parse import quote

import aiohttp
import pytest

from integrations.servicenow.simulator import ServiceNowSimulator, Settings
from tests.servicenow.support import HandClock, Rest

CHANGES = "/api/now/table/change_request"


async def _token(simulator: ServiceNowSimulator, *, cookie: str = "", **changed: str) -> tuple[int, dict[str, object]]:
    form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "s", **changed}
    headers = {"Cookie": cookie} if cookie else {}
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(f"{simulator.base_url}/oauth_token.do", data=form, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_token_stays_the_same_until_it_expires(simulator: ServiceNowSimulator, clock: HandClock) -> None:
    simulator.add_oauth_client("client", "s", simulator.user)
    first = (await _token(simulator))[1]
    clock.forward(1000)
    second = (await _token(simulator))[1]
    clock.forward(799)
    third = (await _token(simulator))[1]
    assert first["access_token"] == second["access_token"] != third["access_token"]
    assert [one["expires_in"] for one in (first, second, third)] == [1799, 799, 1799]


@pytest.mark.parametrize("changed", [{"client_secret": "x"}, {"client_id": "x"}, {"grant_type": "password"}])
async def test_every_refusal_of_a_token_looks_alike(simulator: ServiceNowSimulator, changed: dict[str, str]) -> None:
    simulator.add_oauth_client("client", "s", simulator.user)
    refused = (401, {"error_description": "access_denied", "error": "server_error"})
    assert await _token(simulator, **changed) == refused
    simulator.settings.client_credentials_enabled = False
    assert await _token(simulator) == refused


async def test_a_token_call_with_a_session_cookie_fails(simulator: ServiceNowSimulator, rest: Rest) -> None:
    simulator.add_oauth_client("client", "s", simulator.user)
    cookie = (await rest.call("GET", CHANGES)).headers["Set-Cookie"].split(";")[0]
    assert (await _token(simulator, cookie=cookie))[0] == 401
    assert (await _token(simulator))[0] == 200


async def test_a_session_cookie_binds_the_identity(rest: Rest) -> None:
    cookie = (await rest.call("GET", CHANGES)).headers["Set-Cookie"].split(";")[0]
    rita = ("rita.risk", "rita.risk-pw")
    assert (await rest.call("POST", CHANGES, {}, user=rita)).status == 403
    bound = await rest.call("POST", CHANGES, {}, user=rita, headers={"Cookie": cookie})
    assert bound.result["sys_created_by"] == "countersign.bot"


async def test_rate_limits_are_told_on_every_answer(rest: Rest, simulator: ServiceNowSimulator) -> None:
    simulator.settings.rate_limit = 1
    first, second = await rest.call("GET", CHANGES), await rest.call("GET", CHANGES)
    assert (first.status, second.status) == (200, 429)
    assert first.headers["X-RateLimit-Limit"] == second.headers["X-RateLimit-Limit"] == "1"
    assert second.headers["Retry-After"] == str(int(second.headers["X-RateLimit-Reset"]) - 1_790_000_000)
    assert second.detail == "Rate limit of 1 requests per hour for Table API exceeded"


async def test_a_hibernating_instance_answers_html(rest: Rest, simulator: ServiceNowSimulator) -> None:
    simulator.settings.hibernating = True
    answer = await rest.call("GET", CHANGES)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "hibernating" in answer.body


@pytest.mark.parametrize("commit_first", [True, False])
async def test_a_planned_failure_may_act_first(rest: Rest, simulator: ServiceNowSimulator, commit_first: bool) -> None:
    simulator.fail_next("POST", "change_request$", 500, "{}", commit_first=commit_first)
    assert (await rest.call("GET", CHANGES)).status == 200
    assert (await rest.call("POST", CHANGES, {})).status == 500
    assert len(simulator.changes()) == commit_first
    assert (await rest.call("POST", CHANGES, {})).status == 201


async def test_a_process_outside_can_play_every_part(rest: Rest, simulator: ServiceNowSimulator) -> None:
    for name in ("ann", "bob"):
        assert (await rest.call("POST", "/_sim/users", {"user_name": name})).status == 201
    await rest.call("POST", "/_sim/groups", {"name": "Model Risk", "members": ["ann"]})
    await rest.call("POST", f"/_sim/groups/{quote('Model Risk')}/members", {"user_name": "bob"})
    await rest.call("DELETE", "/_sim/groups/Model%20Risk/members/ann")
    assert (await rest.call("PATCH", "/_sim/settings", {"assess_groups": ["Model Risk"]})).status == 200
    planted = await rest.call("POST", "/_sim/changes", {"fields": {"correlation_id": "x"}, "created_by": "eve"})
    number = planted.result["number"]
    await rest.call("POST", f"/_sim/changes/{number}/move", {"state": "assess"})
    await rest.call("POST", "/_sim/run-flows")
    shown = (await rest.call("GET", f"/_sim/changes/{number}")).result
    assert [(row["approver"], row["group"]) for row in shown["approvals"]] == [("bob", "Model Risk")]
    row = shown["approvals"][0]["sys_id"]
    refused = await rest.call("POST", f"/_sim/approvals/{row}/decide", {"user_name": "ann", "state": "approved"})
    assert refused.status == 403
    body = {"user_name": "bob", "state": "approved", "comments": "fine"}
    assert (await rest.call("POST", f"/_sim/changes/{number}/decide", body)).status == 200
    await rest.call("POST", "/_sim/run-flows")
    assert [one["state"] for one in (await rest.call("GET", "/_sim/changes")).result] == ["authorize"]
    forced = {"table": "change_request", "sys_id": shown["sys_id"], "fields": {"approval": "approved"}}
    assert (await rest.call("POST", "/_sim/force", forced)).status == 200
    assert simulator.change(number).approval == "approved"
    await rest.call("POST", "/_sim/users/bob/active", {"active": False})
    assert (await rest.table("sys_user", "user_name=bob"))[0]["active"] == "false"


async def test_faults_and_requests_are_steered_from_outside(rest: Rest, simulator: ServiceNowSimulator) -> None:
    fault = {"method": "GET", "path_regex": "change_request", "status": 503, "times": 2}
    assert (await rest.call("POST", "/_sim/faults", fault)).status == 201
    assert (await rest.call("GET", CHANGES)).status == 503
    await rest.call("DELETE", "/_sim/faults")
    assert (await rest.call("GET", CHANGES)).status == 200
    seen = (await rest.call("GET", "/_sim/requests")).result
    assert [(one["method"], one["path"]) for one in seen] == [("GET", CHANGES), ("GET", CHANGES)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_sim/changes/CHG9999999", None, 404),
        ("POST", "/_sim/groups/Nobody/members", {"user_name": "rita.risk"}, 404),
        ("POST", "/_sim/users", {"user": "x"}, 400),
        ("PATCH", "/_sim/settings", {"profile": "none such"}, 400),
        ("GET", "/nav/change/CHG9999999", None, 404),
    ],
)
async def test_a_lever_that_does_not_fit_says_so(rest: Rest, method: str, path: str, body: object, status: int) -> None:
    assert (await rest.call(method, path, body)).status == status


async def test_the_page_of_a_change_shows_it_as_text(rest: Rest, simulator: ServiceNowSimulator) -> None:
    fields = {"short_description": "<script>alert(1)</script>", "state": "-4", "work_notes": "note & more"}
    number = simulator.plant_change(fields).number
    page = await rest.call("GET", f"/nav/change/{number}")
    assert page.headers["Content-Type"].startswith("text/html")
    assert number in page.body
    assert "assess" in page.body
    assert "note &amp; more" in page.body
    assert "<script>" not in page.body


async def test_flows_run_by_themselves_after_their_delay(rest: Rest) -> None:
    simulator = ServiceNowSimulator(Settings(approval_delay_s=0.0))
    await simulator.start()
    simulator.add_user("ann")
    simulator.add_group("Model Risk", ["ann"])
    simulator.settings.assess_groups = ("Model Risk",)
    planted = simulator.plant_change({})
    simulator.move(planted.number, "assess")
    assert simulator.change(planted.number).approvals == ()
    while not simulator.change(planted.number).approvals:
        await asyncio.sleep(0)
    await simulator.stop()


async def test_it_stands_alone_and_prints_its_address() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "integrations.servicenow.simulator",
        "--port",
        "0",
        "--profile",
        "legacy_type",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        told = json.loads(await process.stdout.readline())
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{told['base_url']}/_sim/settings") as answer,
        ):
            assert (await answer.json())["result"]["profile"] == "legacy_type"
    finally:
        process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
