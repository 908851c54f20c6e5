"""The SCIM client against the simulated provider: what it reads, and what it takes for no answer."""

from __future__ import annotations

import pytest

from app.clock import now
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, RefusedError, UnavailableError
from integrations.identity.client import MOST, ScimIdentity
from integrations.identity.port import Identity, IdentityGroup
from integrations.identity.simulator import IdentitySimulator


def of(simulator: IdentitySimulator, name: str) -> str:
    return simulator.people[name].id


async def test_a_group_has_its_active_direct_members(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    simulator.add_group("Everyone", ["max"])
    simulator.team("Risk").groups.append("Everyone")
    simulator.people["bo"].active = False
    group = await client.group("Risk")
    assert group == IdentityGroup(simulator.team("Risk").id, "Risk")
    assert [one.user_name for one in await client.group_members(group.id)] == ["ada"]
    assert await client.group(f"id:{group.id}") == group


async def test_who_was_deleted_and_still_stands_in_a_group_is_no_member(
    client: ScimIdentity, simulator: IdentitySimulator
) -> None:
    simulator.people["bo"].deleted = True
    assert [one.user_name for one in await client.group_members(simulator.team("Risk").id)] == ["ada"]


@pytest.mark.parametrize("name", ["risk", "Nobody", 'R" or displayName pr', "id:unknown"])
async def test_a_group_that_is_not_there_exactly_once_is_not_found(
    client: ScimIdentity, simulator: IdentitySimulator, name: str
) -> None:
    with pytest.raises(NotFoundError):
        await client.group(name)


async def test_two_groups_of_one_name_are_none(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    simulator.add_group("Risk", ["max"])
    with pytest.raises(NotFoundError, match="found 2"):
        await client.group("Risk")


async def test_a_provider_that_overlooks_the_filter_is_not_believed(
    client: ScimIdentity, simulator: IdentitySimulator
) -> None:
    simulator.add_group("Others")
    simulator.ignore_filters = True
    with pytest.raises(UnavailableError, match="not asked for"):
        await client.group("Risk")


async def test_a_list_is_read_over_all_its_pages(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    simulator.page = 2
    for _ in range(4):
        simulator.add_group("RISK")
    assert (await client.group("Risk")).name == "Risk"
    assert len([path for path in simulator.requests if "/Groups?" in path]) == 3


async def test_a_filter_that_matches_too_much_is_too_wide(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    for _ in range(MOST + 1):
        simulator.add_group("RISK")
    with pytest.raises(UnavailableError, match="match"):
        await client.group("Risk")


async def test_a_reporting_line_goes_to_the_top(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    line = await client.managers(of(simulator, "ada"))
    assert [one.user_name for one in line] == ["mona", "cleo"]
    assert await client.managers(of(simulator, "cleo")) == ()


async def test_a_circle_of_managers_ends_where_it_began(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    simulator.people["cleo"].manager = "ada"
    assert [one.user_name for one in await client.managers(of(simulator, "ada"))] == ["mona", "cleo"]


async def test_a_provider_that_keeps_no_reporting_line_does_not_say_that_somebody_is_at_the_top(
    client: ScimIdentity, simulator: IdentitySimulator
) -> None:
    simulator.people["max"].enterprise = False
    with pytest.raises(NotFoundError, match="keeps no reporting line"):
        await client.managers(of(simulator, "max"))


async def test_a_line_that_breaks_off_is_no_line(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    simulator.people["mona"].enterprise = False
    with pytest.raises(NeighbourError):
        await client.managers(of(simulator, "ada"))
    with pytest.raises(NotFoundError):
        await client.managers("nobody")


async def test_a_subject_is_found_by_its_user_name(client: ScimIdentity, simulator: IdentitySimulator) -> None:
    assert (await client.subject("ada")).id == of(simulator, "ada")
    with pytest.raises(NotFoundError):
        await client.subject("Ada")


async def test_who_may_be_active_or_not_is_not_taken_for_either(
    client: ScimIdentity, simulator: IdentitySimulator
) -> None:
    simulator.people["bo"].active = None
    with pytest.raises(UnavailableError, match="active"):
        await client.group_members(simulator.team("Risk").id)


@pytest.mark.parametrize("identity", ["", "..", "a/../b", "with blank", "{name:x}", "x" * 201])
async def test_an_id_that_could_lead_elsewhere_is_not_asked_for(
    client: ScimIdentity, simulator: IdentitySimulator, identity: str
) -> None:
    with pytest.raises(RefusedError, match="expected an id"):
        await client.group_members(identity)
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError), (401, RefusedError), (403, RefusedError), (404, NotFoundError), (429, RateLimitedError),
        (302, RefusedError), (500, UnavailableError), (503, UnavailableError), (408, UnavailableError),
    ],
)  # fmt: skip
async def test_each_refusal_is_what_it_means_and_shows_no_token(
    client: ScimIdentity, simulator: IdentitySimulator, status: int, error: type[NeighbourError]
) -> None:
    simulator.failing = status
    with pytest.raises(error) as caught:
        await client.group("Risk")
    assert simulator.token not in str(caught.value)
    assert caught.value.status == status
    if status == 429:
        assert caught.value.retry_after == 7


async def test_the_wrong_token_is_refused(simulator: IdentitySimulator) -> None:
    client = ScimIdentity(simulator.base_url, "wrong", clock=now)
    with pytest.raises(RefusedError, match="401"):
        await client.check()
    await client.close()


async def test_no_answer_is_told_as_unavailable(simulator: IdentitySimulator) -> None:
    client = ScimIdentity(simulator.base_url, simulator.token, clock=now, timeout_s=0.2)
    simulator.latency_s = 1
    with pytest.raises(UnavailableError, match="TimeoutError"):
        await client.check()
    await client.close()


async def test_a_simulator_can_be_refused(simulator: IdentitySimulator) -> None:
    client = ScimIdentity(simulator.base_url, simulator.token, clock=now, refuse_simulator=True)
    with pytest.raises(RefusedError, match="simulator"):
        await client.check()
    await client.close()


@pytest.mark.parametrize("address", ["http://idp.example.com/scim/v2", "ftp://127.0.0.1", "idp"])
def test_the_token_goes_nowhere_in_the_clear(address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        ScimIdentity(address, "token", clock=now)


def test_the_client_is_the_port(client: ScimIdentity) -> None:
    port: Identity = client
    assert port is client
