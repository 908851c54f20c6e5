"""A release whose rule lets two people break the glass, and those who do so with keys of their own."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app.clock import SECOND, now
from app.glass.lapsing import Lapses
from app.sandbox import documents
from app.sandbox.world import REPOSITORY
from integrations.github.simulator.model import Pull
from integrations.github.simulator.server import GitHubSimulator
from integrations.servicenow.simulator import ServiceNowSimulator
from tests.journey.played import Answer, Played
from tests.signatures.signers import PersonKey
from tests.signatures.stage import Stage

INCIDENT = "INC0012345"
REASON = "the desk cannot hedge"
HOUR = 3600
BREAK_GLASS = (
    "    break_glass: {groups: [senior-developers, risk-managers], review_by: leads, count: 2, review_within: 1h}\n"
)


def policy(stage: Stage, more: str) -> bytes:
    world = stage.world
    found = documents.policy(world.training, world.testing, world.alice, change=False).decode()
    leads = "groups:\n  leads: {members: [bob, dana]}\n"
    return (found.replace("groups:\n", leads, 1) + more).encode()


class Scene:
    """bob and carol break the glass, bob and dana are leads; alice asks for the release. ``ahead`` seconds are added to
    everybody's clock."""

    def __init__(self, folder: Path, database_url: str | None, more: str) -> None:
        self._more = more
        self.stage = Stage(folder, database_url=database_url)
        self.ahead = 0
        world = self.stage.world
        world.clock = lambda: now() + self.ahead * SECOND
        world.github = GitHubSimulator(clock=world.clock)
        world.servicenow = ServiceNowSimulator(world.servicenow.settings, clock=world.clock)
        self.played = Played(self.stage.world)
        self.keys: dict[str, PersonKey] = {}

    @property
    def pull(self) -> Pull:
        return self.stage.pull

    async def start(self) -> None:
        await self.stage.start()
        await self.stage.world.put_policy(policy(self.stage, self._more))
        await self.stage.judge_again()
        for name in ("bob", "carol", "dana"):
            self.keys[name] = await self.stage.enrolled(name)

    async def statement(self, who: str, decision: str, **more: str) -> tuple[int, Any]:
        """What the service answers to a signed statement."""
        key = self.keys[who]
        asked = {"key": key.fingerprint, "decision": decision, "environment": "production", "reason": REASON, **more}
        path = f"/api/v1/releases/{self.stage.release}/statement?{urlencode(asked)}"
        prepared = await self.stage.ask("GET", path)
        if prepared.status != 200:
            return prepared.status, prepared.body
        payload = base64.b64decode(prepared.body["payload"])
        answer = await self.stage.submit(payload, key.sign(payload), reason=REASON)
        return answer.status, answer.body

    async def broken(self, *people: str) -> None:
        for who in people or ("bob", "carol"):
            status, body = await self.statement(who, "break-glass", incident=INCIDENT)
            assert status in (200, 201), body
        await self.played.settled()

    async def reviewed(self, who: str, glass: str) -> tuple[int, Any]:
        found = await self.statement(who, "review", glass=glass)
        await self.played.settled()
        return found

    async def redeem(self, answer: Answer) -> tuple[int, str]:
        status, body = await self.played.call("POST", f"/api/v1/decisions/{answer.decision_id}/redemption", {})
        return status, body.get("code", "")

    async def used(self) -> tuple[str, str]:
        """Broken by two, merged and deployed: the commit, and the id of the broken glass."""
        await self.broken()
        commit = await self.played.merge(self.pull)
        answer = await self.played.ask(commit)
        assert answer.decision == "allow", answer.text()
        assert await self.redeem(answer) == (200, "")
        await self.played.settled()
        return commit, answer.decision_id

    async def glasses(self) -> list[dict[str, Any]]:
        _, body = await self.played.call("GET", "/api/v1/glasses")
        found: list[dict[str, Any]] = body["glasses"]
        return found

    async def lapse(self) -> None:
        """What the scheduler does every hour."""
        service = self.played.service
        await Lapses(service.database, service.tenants, self.stage.world.clock, service.runner.wake)()
        await self.played.settled()

    async def another(self, branch: str = "release-3.3.0") -> Pull:
        """An ordinary release, proposed by alice."""
        files = self.stage.world.release_files("3.3.0", shift=0.1)
        pull = await self.played.propose(files, branch)
        await self.played.settled()
        return pull

    def bodies(self, pull: Pull, fragment: str) -> list[str]:
        return [comment.body for comment in self.played.ours(pull) if fragment in comment.body]

    async def events(self, event: str) -> int:
        return sum(record.event == event for record in await self.played.records())


@asynccontextmanager
async def scene(folder: Path, database_url: str | None = None, *, more: str = BREAK_GLASS) -> AsyncIterator[Scene]:
    """``more`` is what the rule says besides."""
    found = Scene(folder, database_url, more)
    try:
        await found.start()
        yield found
    finally:
        await found.played.close()
        await found.stage.world.stop()


__all__ = ["HOUR", "INCIDENT", "REPOSITORY", "Scene", "policy", "scene"]
