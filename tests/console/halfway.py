"""A world whose release is half-way: proposed and verified, one of two seats filled, change not approved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import msgspec

from app.releases import store as releases
from app.releases.store import StoredRelease
from app.sandbox.world import REPOSITORY, TENANT, World
from app.service import Service
from app.settings.model import Settings
from integrations.github.simulator.model import CheckRun, Pull

PATIENCE_S = 30


class Answer(msgspec.Struct, frozen=True):
    status: int
    text: str
    headers: Mapping[str, str]


class Halfway:
    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.files = self.world.release_files()
        self.configure: Callable[[Settings], Settings] | None = None

    @property
    def service(self) -> Service:
        assert self.world.service is not None
        return self.world.service

    @property
    def address(self) -> str:
        return self.service.address

    async def start(self) -> None:
        await self.world.start(configure=self.configure)
        github = self.world.github
        github.push(REPOSITORY, "release-3.2.0", self.files, author="alice")
        self.pull: Pull = github.open_pull(REPOSITORY, "release-3.2.0", author="alice", title="Release 3.2.0")
        await self.until(lambda: self._change_opened())
        self.say("alice", f"/approve {self.pull.head_sha} production")
        self.say("bob", f"/approve {self.pull.head_sha} production")
        await self.until(lambda: self.page_says("Filled by bob."))
        await self.until(lambda: self.page_says("erin</strong> requested"))

    async def stop(self) -> None:
        await self.world.stop()

    def say(self, who: str, body: str) -> None:
        self.world.github.comment(REPOSITORY, self.pull.number, by=who, body=body)

    def check(self) -> CheckRun:
        return self.world.github.checks(REPOSITORY, self.pull.head_sha)[-1]

    async def release(self) -> StoredRelease:
        found = await self.service.database.read(lambda tx: releases.page(tx, TENANT))
        assert len(found) == 1
        return found[0]

    async def page_says(self, sentence: str) -> bool:
        release = await self.release()
        return sentence in (await self.get(f"/releases/{release.id}")).text

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        asked = {"Accept": "text/html", **(headers or {})}
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.address + path, headers=asked, allow_redirects=False) as response,
        ):
            return Answer(response.status, await response.text(), dict(response.headers))

    async def until(self, done: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await done():
                await asyncio.sleep(0.05)

    async def _change_opened(self) -> bool:
        found = await self.service.database.read(lambda tx: releases.page(tx, TENANT))
        return bool(found) and "has 0 of" in (await self.get(f"/releases/{found[0].id}")).text
