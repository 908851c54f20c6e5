"""A decision of an earlier release, asked about over HTTP, on the page and by the command line."""

from __future__ import annotations

from functools import partial

import msgspec

from app.decisions.store import StoredDecision
from app.sandbox.shell import Shell
from app.tokens.model import Permission
from tests.app.test_replaying import ALLOWED, keep
from tests.gates.builders import alter
from tests.gates.test_golden import FIRST, stored
from tests.journey.played import Played


async def page(short: Played, decision: StoredDecision) -> str:
    async with short.http() as http, http.get(f"{short.service.address}/decisions/{decision.id}") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_a_decision_that_an_earlier_release_worded_otherwise_is_the_same(short: Played) -> None:
    golden = stored(FIRST / f"{ALLOWED}.json")
    decision = await short.service.database.write(partial(keep, golden=golden))
    status, found = await short.call("GET", f"/api/v1/decisions/{decision.id}/explanation")
    assert (status, found["same"], found["wording"]) == (200, True, "changed")
    assert found["verdict"] == msgspec.json.decode(msgspec.json.encode(golden.verdict))
    assert found["replayed"] != found["verdict"]
    assert "the verdict comes out the same, in other words" in await page(short, decision)
    token = await short.world.token(Permission.RELEASE_READ, name="auditor")
    shell = Shell(short.service.address, short.world.folder)
    done = await shell.countersign("explain", decision.id, token=token)
    assert (done.code, "the same verdict, in other words" in done.err) == (0, True), done


async def test_a_decision_that_decides_otherwise_now_is_not(short: Played) -> None:
    golden = stored(FIRST / f"{ALLOWED}.json")
    other = alter(golden, verdict=alter(golden.verdict, outcome="deny"))
    decision = await short.service.database.write(partial(keep, golden=other))
    _, found = await short.call("GET", f"/api/v1/decisions/{decision.id}/explanation")
    assert (found["same"], found["replayed"]["outcome"]) == (False, "allow")
    assert "the verdict comes out differently" in await page(short, decision)
