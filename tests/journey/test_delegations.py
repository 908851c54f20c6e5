"""Acting for somebody else, in the release where they said so and in others of the repository."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.consents.recording import Recorder
from app.db.tx import Tx
from app.gate.service import Asked, ConsentChangedError
from app.rebuild.service import examine
from app.sandbox.world import REPOSITORY, TENANT
from app.signatures import service
from tests.journey.glass import Scene, scene
from tests.journey.played import GREEN, WAITS
from tests.journey.test_alarms import behind_the_triggers
from tests.signatures.around import served

DELEGATION = "    delegation: {longest: 7d}\n"


@pytest.fixture
async def either(tmp_path: Path, new_url: Callable[[], str]) -> AsyncIterator[Scene]:
    async with scene(tmp_path, new_url(), more=DELEGATION) as found:
        yield found


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path, more=DELEGATION) as found:
        yield found


async def delegated(found: Scene, scope: str) -> str:
    """bob lets mallory, who is in no group, act for him; the id of the grant."""
    status, body = await found.statement("bob", "delegate", to="mallory", scope=scope)
    assert status in (200, 201), body
    await found.played.settled()
    await found.played.next_second()
    return str(next(grant.id for grant in await found.stage.grants() if grant.consent.decision == "delegate"))


async def test_a_delegation_for_the_repository_fills_a_seat_of_another_release(either: Scene) -> None:
    await delegated(either, "repository")
    other = await either.another()
    either.played.comment(other, "mallory", either.played.line(other))
    either.played.comment(other, "carol", either.played.line(other))
    await either.played.says(other, GREEN)


async def test_a_delegation_for_one_release_does_nothing_in_another(small: Scene) -> None:
    await delegated(small, "release")
    other = await small.another()
    small.played.comment(other, "mallory", small.played.line(other))
    await small.played.shows(other, "in none of the groups")
    await small.played.says(other, WAITS)


async def test_a_delegation_that_is_taken_back_where_it_was_given_is_seen_where_it_reached(small: Scene) -> None:
    await delegated(small, "repository")
    other = await small.another()
    small.played.comment(other, "mallory", small.played.line(other))
    small.played.comment(other, "carol", small.played.line(other))
    await small.played.says(other, GREEN)
    await small.played.next_second()
    small.stage.say("bob", "/revoke")
    await small.played.says(other, WAITS)


async def voided(found: Scene) -> list[str | None]:
    return [grant.void_reason for grant in await found.stage.grants() if grant.consent.decision == "delegate"]


async def test_what_was_delegated_for_the_repository_is_taken_back_in_any_of_its_pull_requests(either: Scene) -> None:
    grant = await delegated(either, "repository")
    other = await either.another()
    for who in ("mallory", "carol"):
        either.played.comment(other, who, either.played.line(other))
    await either.played.says(other, GREEN)
    either.played.comment(other, "carol", "/revoke")
    await either.played.says(other, WAITS)
    assert await voided(either) == [None]

    await either.played.next_second()
    either.played.comment(other, "bob", "/revoke")
    told = f"for the whole repository: the one for production from pull request #{either.pull.number} ended"
    await either.played.shows(other, told)
    assert await voided(either) == [f"the person revoked it in pull request #{other.number}"]
    (record,) = [one for one in await either.played.records() if one.event == "grant.voided" and grant in one.resource]
    assert f"in pull request #{other.number}" in bytes(record.data).decode()
    either.played.comment(other, "carol", either.played.line(other))
    await either.played.says(other, WAITS, "bob")
    found = await either.played.service.database.read(lambda tx: examine(tx, TENANT))
    assert found.differences == ()


async def test_a_pull_request_that_releases_nothing_will_do_to_take_it_back(small: Scene) -> None:
    await delegated(small, "repository")
    small.played.push({"README.md": b"# Nothing to release\n"}, "docs")
    docs = small.played.github.open_pull(REPOSITORY, "docs", author="bob")
    await small.played.settled()
    small.played.comment(docs, "bob", "/revoke")
    await small.played.settled()
    assert await voided(small) == [f"the person revoked it in pull request #{docs.number}"]


async def test_revoking_elsewhere_leaves_what_was_delegated_for_one_release(small: Scene) -> None:
    await delegated(small, "release")
    other = await small.another()
    small.played.comment(other, "bob", "/revoke")
    await small.played.shows(other, "there is nothing to revoke")
    assert await voided(small) == [None]


@pytest.mark.parametrize("was_seen", [True, False], ids=["seen", "seen by another replica only"])
async def test_what_was_drawn_before_it_was_taken_back_elsewhere_counts_no_more(
    small: Scene, monkeypatch: pytest.MonkeyPatch, was_seen: bool
) -> None:
    other = await small.another()
    payload = await served(small.stage, small.keys["bob"], "delegate", to="mallory", scope="repository")
    small.played.comment(other, "bob", "/revoke")
    await small.played.settled()
    if not was_seen:
        monkeypatch.setattr(service, "revoked_elsewhere", lambda tx, consent: False)
    answer = await small.stage.submit(payload, small.keys["bob"].sign(payload))
    await small.played.settled()
    if was_seen:
        assert (answer.status, answer.code, await voided(small)) == (409, "statement.withdrawn", [])
    else:
        assert await voided(small) == [f"the person revoked it in pull request #{other.number}"]


async def test_a_delegation_whose_row_was_altered_denies_where_it_reaches(small: Scene) -> None:
    await delegated(small, "repository")
    other = await small.another()
    sql = "UPDATE grants SET consent_json = replace(consent_json, 'senior-developers', 'risk-managers')"
    behind_the_triggers(small.played, f"{sql} WHERE decision = 'delegate'")
    small.played.comment(other, "bob", "/recheck")
    await small.played.says(other, "failure", "is not what its record")


async def test_a_delegation_elsewhere_that_is_taken_back_meanwhile_stops_the_answer(small: Scene) -> None:
    grant = await delegated(small, "repository")
    other = await small.another()
    small.played.comment(other, "mallory", small.played.line(other))
    small.played.comment(other, "carol", small.played.line(other))
    await small.played.says(other, GREEN)
    commit = await small.played.merge(other)
    service = small.played.service
    tenant = service.tenants.get(TENANT)
    assert tenant is not None
    asked = Asked("production", REPOSITORY, commit, None, "token:test")
    assert (await service.gate.decide(tenant, asked)).verdict.outcome == "allow"
    judged = await service.gate.judge(tenant, asked)

    def taken_back(tx: Tx) -> None:
        recorder = Recorder(tx, TENANT, service.blobs, small.stage.world.clock())
        assert recorder.void("trace", small.stage.release, grant, "the person revoked it", "test")

    await service.database.write(taken_back)
    with pytest.raises(ConsentChangedError):
        await service.gate.record(tenant, asked, judged)
    assert (await service.gate.decide(tenant, asked)).verdict.outcome != "allow"
