"""How the client proves who it is and to whom, and that its secrets show nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import traceback

import pytest

from integrations.errors import (
    NeighbourError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)
from integrations.servicenow.auth import BasicCredentials, ClientCredentials
from integrations.servicenow.client import PysnowServiceNow
from integrations.servicenow.simulator import ServiceNowSimulator
from tests.servicenow.support import HTML, HandClock, new_change


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
