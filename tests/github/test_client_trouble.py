"""When the client repeats, waits, doubts or gives up."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from integrations.errors import InDoubtError, NeighbourError, RateLimitedError, RefusedError, UnavailableError
from integrations.github.calls import Pacing
from integrations.github.client import RestGitHubApp
from integrations.github.port import CheckRun
from tests.github.keys import app_private_key
from tests.github.support import HOUR, REPOSITORY, SECOND, HandClock, House


async def test_a_read_is_repeated_until_it_works(house: House) -> None:
    house.open_pull()
    house.simulator.fail_next("GET", "pulls", 502, times=2)
    assert (await house.github.pull(REPOSITORY, 1)).number == 1
    assert house.clock.slept == [0.1, 0.4]


async def test_a_read_is_given_up_after_three_attempts(house: House) -> None:
    house.simulator.fail_next("GET", "pulls", 500, times=9)
    with pytest.raises(UnavailableError):
        await house.github.pull(REPOSITORY, 1)
    assert house.called("GET", "pulls") == 3


async def test_a_broken_connection_on_a_read_is_tried_again(house: House) -> None:
    house.open_pull()
    house.simulator.fail_next("GET", "pulls", drop=True)
    assert (await house.github.pull(REPOSITORY, 1)).number == 1


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 502, "body": b"<html>Bad gateway</html>"},
        {"status": 201, "body": b"{}"},
        {"status": 201, "body": b"<html>"},
        {"drop": True},
    ],
)
@pytest.mark.parametrize("happened", [True, False])
async def test_a_write_without_a_good_answer_is_in_doubt_and_not_repeated(
    house: House, trouble: dict[str, object], happened: bool
) -> None:
    pull = house.open_pull()
    await house.github.comments(REPOSITORY, pull.number)
    house.simulator.fail_next("POST", "comments", commit_first=happened, **trouble)  # type: ignore[arg-type]
    with pytest.raises(InDoubtError):
        await house.github.create_comment(REPOSITORY, pull.number, "hello")
    assert house.called("POST", "comments") == 1
    assert len(await house.github.comments(REPOSITORY, pull.number)) == happened


async def test_an_edit_that_times_out_is_in_doubt(house: House) -> None:
    pull = house.open_pull()
    made = await house.github.create_comment(REPOSITORY, pull.number, "one")
    impatient = RestGitHubApp(
        str(house.app.id),
        app_private_key(),
        clock=house.clock,
        base_url=house.simulator.base_url,
        timeout_s=0.2,
        pacing=False,
    )
    github = impatient.installation(house.installation.id)
    await github.comment(REPOSITORY, made.id)
    house.simulator.fail_next("PATCH", "comments", hang_s=0.5)
    with pytest.raises(InDoubtError):
        await github.edit_comment(REPOSITORY, made.id, "two")
    await impatient.close()


async def test_nobody_there_means_nothing_was_sent(house: House) -> None:
    await house.github.account("alice")
    house.simulator.base_url = ""
    await house.simulator.stop()
    with pytest.raises(UnavailableError, match="nothing was sent"):
        await house.app_client.installation(77).create_comment(REPOSITORY, 1, "x")


LIMITS: list[tuple[int, dict[str, str], bytes, float]] = [
    (403, {"retry-after": "120"}, b"{}", 120),
    (429, {"retry-after": "7"}, b"", 7),
    (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000090"}, b"{}", 90),
    (429, {}, b"<html>slow down</html>", 60),
    (403, {}, b'{"message":"You have exceeded a secondary rate limit."}', 60),
    (403, {"retry-after": "soon"}, b'{"message":"API rate limit exceeded"}', 60),
]


@pytest.mark.parametrize(("status", "headers", "body", "wait"), LIMITS)
async def test_a_long_rate_limit_is_reported_and_then_respected(
    house: House, status: int, headers: dict[str, str], body: bytes, wait: float
) -> None:
    pull = house.open_pull()
    await house.github.account("alice")
    house.simulator.fail_next("POST", "comments", status, body, headers)
    with pytest.raises(RateLimitedError) as caught:
        await house.github.create_comment(REPOSITORY, pull.number, "x")
    assert caught.value.retry_after == wait
    with pytest.raises(RateLimitedError, match="not sent"):
        await house.github.pull(REPOSITORY, pull.number)
    assert house.called("GET", "pulls") == 0
    house.clock.now += round(wait * SECOND)
    assert (await house.github.pull(REPOSITORY, pull.number)).number == pull.number


@pytest.mark.parametrize("status", [403, 429])
async def test_a_short_rate_limit_is_sat_out_even_by_a_write(house: House, status: int) -> None:
    pull = house.open_pull()
    await house.github.account("alice")
    house.simulator.limit_rate(2, retry_after_s=2, status=status)
    await house.github.create_comment(REPOSITORY, pull.number, "x")
    assert len(await house.github.comments(REPOSITORY, pull.number)) == 1
    assert sum(house.clock.slept) == 4


async def test_a_rate_limit_of_one_installation_does_not_stop_another(house: House) -> None:
    house.simulator.create_repository("other/things")
    other = house.simulator.install_app("countersign", "other")
    await house.github.account("alice")
    house.simulator.fail_next("GET", "users", 429, headers={"retry-after": "300"})
    with pytest.raises(RateLimitedError):
        await house.github.account("alice")
    second = house.app_client.installation(other.id)
    assert await second.branch_sha("other/things", "main")


async def test_a_403_without_a_limit_is_a_refusal(house: House) -> None:
    house.simulator.fail_next("GET", "users", 403, b'{"message":"Resource not accessible"}')
    with pytest.raises(RefusedError, match="not accessible"):
        await house.github.account("alice")


async def test_writes_are_paced_and_reads_are_not(house: House) -> None:
    pull = house.open_pull()
    clock = HandClock(house.clock.now)
    paced = RestGitHubApp(
        str(house.app.id),
        app_private_key(),
        clock=clock,
        base_url=house.simulator.base_url,
        pacing=True,
        sleep=clock.sleep,
    )
    github = paced.installation(house.installation.id)
    await asyncio.gather(*(github.create_comment(REPOSITORY, pull.number, str(n)) for n in range(4)))
    assert [round(seconds) for seconds in sorted(clock.slept)] == [1, 2, 3]
    clock.slept.clear()
    await asyncio.gather(*(github.pull(REPOSITORY, pull.number) for _ in range(5)))
    assert clock.slept == []
    await paced.close()


async def test_a_queue_of_writes_has_an_end(house: House) -> None:
    pull = house.open_pull()
    strict = RestGitHubApp(
        str(house.app.id),
        app_private_key(),
        clock=house.clock,
        base_url=house.simulator.base_url,
        pacing=Pacing(queue_s=2),
        sleep=house.clock.sleep,
    )
    github = strict.installation(house.installation.id)
    calls = [github.create_comment(REPOSITORY, pull.number, str(n)) for n in range(5)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, RateLimitedError) for one in results) == 2
    assert len(await github.comments(REPOSITORY, pull.number)) == 3
    await strict.close()


async def test_no_more_than_a_hundred_calls_are_under_way(house: House) -> None:
    house.simulator.faults.latency_s = 0.05
    await house.github.account("alice")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        wide = RestGitHubApp(
            str(house.app.id),
            app_private_key(),
            clock=house.clock,
            base_url=house.simulator.base_url,
            session=session,
            pacing=False,
        )
        github = wide.installation(house.installation.id)
        await asyncio.gather(*(github.account("alice") for _ in range(250)))
        await wide.close()
        assert not session.closed
    assert house.simulator.most_in_flight == 100


async def test_a_token_is_minted_once_however_many_ask(house: House) -> None:
    await asyncio.gather(*(house.github.account("alice") for _ in range(30)))
    assert house.called("POST", "access_tokens") == 1


async def test_a_token_is_renewed_before_it_ends(house: House) -> None:
    await house.github.account("alice")
    house.clock.now += HOUR - 6 * 60 * SECOND
    await house.github.account("alice")
    assert house.called("POST", "access_tokens") == 1
    house.clock.now += 2 * 60 * SECOND
    await house.github.account("alice")
    assert house.called("POST", "access_tokens") == 2


async def test_an_old_token_serves_while_renewal_fails(house: House) -> None:
    await house.github.account("alice")
    house.clock.now += HOUR - 4 * 60 * SECOND
    house.simulator.fail_next("POST", "access_tokens", 500, times=9)
    assert (await house.github.account("alice")).login == "alice"
    house.clock.now += 5 * 60 * SECOND
    with pytest.raises(UnavailableError):
        await house.github.account("alice")


async def test_a_revoked_token_is_minted_again_in_mid_flow_even_for_a_write(house: House) -> None:
    pull = house.open_pull()
    await house.github.account("alice")
    house.simulator.revoke_tokens(house.installation.id)
    await house.github.create_comment(REPOSITORY, pull.number, "x")
    assert house.called("POST", "access_tokens") == 2
    assert len(await house.github.comments(REPOSITORY, pull.number)) == 1


async def test_a_cancelled_caller_does_not_spoil_the_token_for_others(house: House) -> None:
    house.simulator.faults.latency_s = 0.05
    first = asyncio.create_task(house.github.account("alice"))
    second = asyncio.create_task(house.github.account("alice"))
    await asyncio.sleep(0.01)
    first.cancel()
    assert (await second).login == "alice"
    assert house.called("POST", "access_tokens") == 1


async def test_a_token_asks_for_no_more_than_is_used(house: House) -> None:
    await house.github.account("alice")
    (token,) = house.simulator.world.tokens.values()
    assert token.permissions == {
        "actions": "read",
        "checks": "write",
        "contents": "read",
        "deployments": "write",
        "issues": "read",
        "members": "read",
        "metadata": "read",
        "pull_requests": "write",
        "statuses": "read",
    }
    assert token.repositories is None


async def test_a_token_can_be_held_to_some_repositories(house: House) -> None:
    other = house.simulator.create_repository("acme/other")
    narrow = house.app_client.installation(house.installation.id, [other.id])
    assert await narrow.branch_sha("acme/other", "main")
    with pytest.raises(NeighbourError):
        await narrow.branch_sha(REPOSITORY, "main")
    assert await house.github.branch_sha(REPOSITORY, "main")


async def test_a_suspended_installation_is_refused(house: House) -> None:
    await house.github.account("alice")
    house.simulator.suspend_installation(house.installation.id)
    with pytest.raises(RefusedError, match="suspended"):
        await house.github.account("alice")


async def test_another_key_is_not_the_app(house: House) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    stranger = RestGitHubApp(str(house.app.id), key, clock=house.clock, base_url=house.simulator.base_url)
    with pytest.raises(RefusedError):
        await stranger.app_id()
    await stranger.close()


async def test_the_app_may_be_known_by_its_client_id(house: House) -> None:
    named = RestGitHubApp(
        f"Iv1.{house.app.id:016x}",
        app_private_key(),
        clock=house.clock,
        base_url=house.simulator.base_url,
        pacing=False,
    )
    pull = house.open_pull()
    github = named.installation(house.installation.id)
    await github.create_check_run(REPOSITORY, CheckRun("c", pull.head_sha, "success", "t", "s", "e"))
    assert len(await github.check_runs(REPOSITORY, pull.head_sha, "c")) == 1
    assert await named.app_id() == house.app.id
    await named.close()


async def test_an_app_jwt_is_made_anew_after_seven_minutes(house: House) -> None:
    assert await house.app_client.app_id() == house.app.id
    for _ in range(5):
        house.clock.now += 5 * 60 * SECOND
        assert await house.app_client.app_id() == house.app.id
