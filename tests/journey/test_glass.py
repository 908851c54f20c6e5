"""Breaking the glass: who can, how often it counts, and what is owed for it. On both databases."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.rebuild.service import examine
from app.sandbox.shell import Shell
from app.sandbox.world import TENANT
from app.tokens.model import Permission, Scope
from integrations.github.simulator.faults import Fault
from tests.journey.glass import HOUR, INCIDENT, Scene, scene
from tests.journey.played import DENIED, GREEN, WAITS
from tests.journey.test_alarms import behind_the_triggers, counted


@pytest.fixture
async def either(tmp_path: Path, new_url: Callable[[], str]) -> AsyncIterator[Scene]:
    async with scene(tmp_path, new_url()) as found:
        yield found


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as found:
        yield found


async def test_a_glass_broken_by_two_is_used_once_and_owed_to_a_review(either: Scene) -> None:
    await either.broken("bob")
    await either.played.says(either.pull, WAITS, "The glass is not broken")
    await either.broken("carol")
    await either.played.says(either.pull, GREEN, "broke the glass")
    commit = await either.played.merge(either.pull)
    answers = [await either.played.ask(commit) for _ in range(2)]
    assert [answer.decision for answer in answers] == ["allow", "allow"]
    assert await either.redeem(answers[0]) == (200, "")
    assert await either.redeem(answers[1]) == (409, "decision.glass_used")
    assert (await either.played.ask(commit)).decision != "allow"
    await either.played.settled()
    (glass,) = await either.glasses()
    assert (glass["id"], glass["state"], glass["environment"]) == (answers[0].decision_id, "owed", "production")
    assert (await either.events("glass.broken"), await either.events("decision.redeemed")) == (1, 1)
    assert len(either.bodies(either.pull, "glass is being broken")) == 1
    (told,) = either.bodies(either.pull, "glass was broken")
    assert f"`countersign review-glass {glass['id']} --reason " in told
    assert counted(either.played, "alarms_total", kind="glass") == 2


async def test_a_lapsed_review_stops_the_repository_until_somebody_else_has_looked_back(either: Scene) -> None:
    _, glass = await either.used()
    other = await either.another()
    await either.played.approve(other)
    await either.played.says(other, GREEN)
    either.ahead += HOUR
    for _ in range(2):
        await either.lapse()
    await either.played.says(other, DENIED, "its review is overdue")
    assert f"countersign review-glass {glass}" in either.bodies(either.pull, "reviewed the broken glass")[0]
    assert (await either.events("glass.lapsed"), len(either.bodies(either.pull, "reviewed the broken glass"))) == (1, 1)
    status, body = await either.reviewed("bob", glass)
    assert status >= 400, body
    status, body = await either.reviewed("dana", glass)
    assert status in (200, 201), body
    await either.played.says(other, GREEN)
    assert [one["state"] for one in await either.glasses()] == ["reviewed"]
    found = await either.played.service.database.read(lambda tx: examine(tx, TENANT))
    assert found.differences == ()
    assert await either.events("glass.reviewed") == 1


async def test_of_two_decisions_at_once_only_one_uses_the_glass(either: Scene) -> None:
    await either.broken()
    commit = await either.played.merge(either.pull)
    answers = [await either.played.ask(commit) for _ in range(3)]
    found = await asyncio.gather(*(either.redeem(answer) for answer in answers))
    assert sorted(found) == [(200, ""), *[(409, "decision.glass_used")] * 2]
    assert await either.events("glass.broken") == 1


async def test_a_broken_glass_whose_row_was_removed_denies_and_alarms(small: Scene) -> None:
    await small.used()
    other = await small.another()
    await small.played.approve(other)
    await small.played.says(other, GREEN)
    behind_the_triggers(small.played, "DELETE FROM broken_glasses", "broken_glasses")
    small.played.comment(other, "bob", "/recheck")
    await small.played.says(other, DENIED, "broken_glasses")
    assert counted(small.played, "alarms_total", kind="difference") >= 1


async def test_a_review_that_only_the_table_knows_settles_nothing(small: Scene) -> None:
    _, glass = await small.used()
    small.ahead += HOUR
    sql = f"INSERT INTO glass_reviews (glass_id, tenant, grant_id, at) VALUES ('{glass}', 'acme', 'nobody', 1)"
    behind_the_triggers(small.played, sql, "glass_reviews")
    other = await small.another()
    await small.played.says(other, DENIED, "its review is overdue", "glass_reviews")


async def test_a_glass_whose_voids_were_removed_is_not_used_again(small: Scene) -> None:
    await small.broken()
    commit = await small.played.merge(small.pull)
    answers = [await small.played.ask(commit) for _ in range(2)]
    assert await small.redeem(answers[0]) == (200, "")
    behind_the_triggers(small.played, "DELETE FROM grant_voids", "grant_voids")
    assert await small.redeem(answers[1]) == (409, "decision.glass_used")
    assert (await small.played.ask(commit)).decision == "deny"


@pytest.mark.parametrize("interrupted", [False, True])
async def test_a_deployment_at_github_uses_the_glass_up_before_it_is_approved(small: Scene, interrupted: bool) -> None:
    await small.broken()
    await small.played.merge(small.pull)
    if interrupted:
        fault = Fault("POST", re.compile(r"/deployment_protection_rule$"), status=502)
        small.played.github.faults.add(fault)
    runs = [small.played.github.start_deployment("acme/models", "production", by="bob")[0] for _ in range(2)]
    await small.played.until(lambda: [answer for run in runs for answer in run.answers], bool, "an answer")
    for _ in range(3):
        await small.played.settled()
    assert [answer.state for run in runs for answer in run.answers] == ["approved"]
    assert await small.events("glass.broken") == 1


async def test_nobody_breaks_a_glass_alone_whose_word_was_taken_for_another_incident(small: Scene) -> None:
    await small.broken("bob")
    status, body = await small.statement("carol", "break-glass", incident="INC0099999")
    assert status in (200, 201), body
    await small.played.says(small.pull, WAITS, "Different incidents are named", INCIDENT)


async def test_broken_glasses_are_listed_to_whom_their_repository_concerns(small: Scene) -> None:
    _, glass = await small.used()
    shell = Shell(small.played.service.address, small.stage.folder)
    shown = await shell.countersign("glass", "list", token=small.stage.token("reader"))
    assert shown.code == 0, shown.err
    for said in (glass, "owed", "review by leads", "acme/models #1", "production"):
        assert said in shown.out
    await small.reviewed("dana", glass)
    owed = await shell.countersign("glass", "list", "--owed", "--json", token=small.stage.token("reader"))
    assert (owed.code, json.loads(owed.out)) == (0, {"glasses": []})
    for scope, count in ((("acme/models", ()), 1), (("acme/other", ()), 0), (("acme/models", ("staging",)), 0)):
        token = await small.stage.scoped(*scope)
        _, body = await small.played.call("GET", "/api/v1/glasses", token=token)
        assert len(body["glasses"]) == count, scope
    nothing = await small.played.service.tokens.create(
        TENANT, "deploys", Scope((Permission.GATE_DECIDE,)), by="service:test", days=1
    )
    assert (await small.played.call("GET", "/api/v1/glasses", token=nothing.text))[0] == 403
