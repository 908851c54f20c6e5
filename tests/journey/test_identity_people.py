"""People of the identity provider fill seats as members of its groups; who is in the requester's line does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from app.facts.identity import LINE_AGE_S
from app.sandbox.world import World
from app.settings.model import IdentitySettings, Settings
from app.tenants.registry import Tenant
from integrations.github.simulator.model import Pull
from integrations.identity.simulator import IdentitySimulator
from tests.journey.played import DENIED, GREEN, WAITS, Played

PEOPLE = ("alice", "bob", "carol", "dana")


def policy(risk: str, exclude: str = "") -> bytes:
    return f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers: {{{risk}}}
rules:
  - name: anything to production
    seats:
      - {{group: senior-developers, signature: attested, accept: [review, command]}}
      - {{group: risk-managers, signature: attested, accept: [review, command]}}
    gates: [rationale]
{exclude}
""".encode()


@pytest.fixture
async def identity() -> AsyncIterator[IdentitySimulator]:
    """Alice reports to Carol, Bob and Dana to Boss, and Carol to Boss too."""
    simulator = IdentitySimulator()
    simulator.add_user("boss")
    for name, manager in (("carol", "boss"), ("alice", "carol"), ("bob", "boss"), ("dana", "boss")):
        simulator.add_user(name, manager=manager)
    simulator.add_group("Risk", ["carol", "dana"])
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def played(tmp_path: Path, github_key: rsa.RSAPrivateKey, identity: IdentitySimulator) -> AsyncIterator[Played]:
    world = World(tmp_path, github_key=github_key, change=False)
    found = Played(world)

    def configure(settings: Settings) -> Settings:
        provider = IdentitySettings(url=identity.base_url, token=SecretStr(identity.token))
        tenant = settings.tenants[0].model_copy(update={"identity": provider})
        return settings.model_copy(update={"tenants": (tenant,)})

    await world.start(configure=configure)
    yield found
    await found.close()
    await world.stop()


async def proposed(played: Played, *linked: str) -> Pull:
    """A pull request of Alice's; each of ``linked`` is known by the same name at the identity provider."""
    pull = await played.propose()
    for login in linked:
        played.comment(pull, login, "/help")
    await played.settled()
    for login in linked:
        body = {"account": f"idp:{login}", "person_account": login}
        status, link = await played.call("POST", "/api/v1/people/links", body)
        assert status == 201, link
        await tenant(played).people.confirm_link(link["id"], "steward:two")
    tenant(played).groups.forget()
    return pull


def tenant(played: Played) -> Tenant:
    return next(iter(played.service.tenants))


async def test_a_member_of_a_group_there_fills_its_seat_until_they_leave(
    played: Played, identity: IdentitySimulator
) -> None:
    await played.world.put_policy(policy("idp_group: Risk"))
    pull = await proposed(played, "carol")
    await played.approve(pull, "bob", "carol")
    await played.says(pull, GREEN, "Filled by carol")
    identity.team("Risk").members.remove("carol")
    tenant(played).groups.forget()
    played.comment(pull, "alice", "/recheck")
    await played.says(pull, WAITS, "the account is not a member of risk-managers now")


async def test_another_group_by_the_same_name_there_is_not_the_group(
    played: Played, identity: IdentitySimulator
) -> None:
    await played.world.put_policy(policy("idp_group: Risk"))
    pull = await proposed(played, "carol")
    await played.approve(pull, "bob", "carol")
    await played.says(pull, GREEN)
    identity.team("Risk").name = "Former Risk"
    identity.add_group("Risk", ["carol"])
    tenant(played).groups.forget()
    played.comment(pull, "alice", "/recheck")
    await played.says(pull, DENIED, "which is not the one it was pinned as")


async def test_who_manages_the_requester_does_not_judge_the_release(played: Played) -> None:
    await played.world.put_policy(policy("github_team: acme/risk", "    exclude: [reporting-line]"))
    pull = await proposed(played, *PEOPLE)
    await played.approve(pull, "bob", "carol")
    await played.says(pull, WAITS, "Filled by bob", "carol's approval does not count", "reporting line")
    await played.approve(pull, "dana")
    await played.says(pull, GREEN, "Filled by bob", "Filled by dana")


async def test_whose_line_is_not_known_does_not_judge_it_either(played: Played, identity: IdentitySimulator) -> None:
    await played.world.put_policy(policy("github_team: acme/risk", "    exclude: [reporting-line]"))
    identity.people["dana"].enterprise = False
    pull = await proposed(played, *PEOPLE)
    await played.approve(pull, "bob", "dana")
    await played.says(pull, WAITS, "Filled by bob", "dana's approval does not count", "may be in the reporting line")


async def test_while_the_provider_is_away_nobody_counts(played: Played, identity: IdentitySimulator) -> None:
    await played.world.put_policy(policy("github_team: acme/risk", "    exclude: [reporting-line]"))
    pull = await proposed(played, *PEOPLE)
    identity.failing = 503
    await played.approve(pull, "bob", "dana")
    check = await played.says(pull, WAITS, "the identity provider could not be read")
    assert "Filled by" not in played.text(pull), check.summary


def test_lines_are_read_anew_within_the_freshness_of_a_production_deployment() -> None:
    assert LINE_AGE_S <= 60
