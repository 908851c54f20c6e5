"""A world whose service is a child process that may die, and somebody who starts it again."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import asyncpg

from app.sandbox.adopting import adopt_standing
from app.sandbox.world import REPOSITORY, TENANT, World
from app.service import open_service
from app.tokens.model import Permission, Scope
from tests.faults.service import Plan

T = TypeVar("T")
Kill = tuple[str, str, int]
ROOT = Path(__file__).parents[2]
PATIENCE_S = 45.0
LOOK_S = 0.03


class Child:
    """One replica: started with a plan, started anew without a kill whenever it dies by one."""

    def __init__(self, plan: Plan, folder: Path, name: str, restart: bool = True) -> None:
        self._plan = plan
        self._folder = folder
        self._name = name
        self._restart = restart
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.address = f"http://127.0.0.1:{plan.settings.server.port}"
        self.ready = asyncio.Event()
        self.deaths = 0

    async def start(self) -> None:
        self._watch = asyncio.create_task(self._keep(self._plan))

    def kill(self) -> None:
        """Now, wherever it is."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def _keep(self, plan: Plan) -> None:
        while True:
            await self._run(plan)
            self.ready.clear()
            self.deaths += 1
            if not self._restart:
                return
            plan = plan._replace(kill=None)

    async def _run(self, plan: Plan) -> None:
        path = self._folder / f"{self._name}.plan"
        path.write_bytes(pickle.dumps(plan))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.service", str(path), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        # Through a pipe, so that a process that may write to no file can still tell.
        telling = asyncio.create_task(self._listen(self._process))
        assert self._process.stdout is not None
        if await self._process.stdout.readline():
            self.ready.set()
        code = await self._process.wait()
        await telling
        assert code == -9, f"the service ended with {code}: {(self._folder / f'{self._name}.log').read_text()[-4000:]}"

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            with (self._folder / f"{self._name}.log").open("ab") as log:
                log.write(line)


class Stage:
    """The simulators of a world, and what its service left in the database."""

    def __init__(self, world: World, url: str, address: str, token: str, trace: Path) -> None:
        self.world = world
        self.github = world.github
        self.servicenow = world.servicenow
        self.url = url
        self.address = address
        self.token = token
        self.trace = trace

    def steps(self) -> list[tuple[str, str, int]]:
        """Every step that was reached, in order."""
        lines = (line.split() for line in self.trace.read_text().splitlines())
        return [(line[0], line[1], int(line[2])) for line in lines]

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return await rows(self.url, sql)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any, bool]:
        """Status, answer, and whether an earlier answer was lost. As a pipeline would: again when nobody answers."""
        lost = False
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"}) as session:
            for _ in range(300):
                try:
                    async with session.request(method, self.address + path, json=body) as answer:
                        if answer.status < 500:
                            return answer.status, await answer.json(), lost
                except (aiohttp.ClientError, TimeoutError):
                    lost = True
                await asyncio.sleep(0.1)
        raise AssertionError(f"nobody answered {method} {path}")


async def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Beside the service, through a connection of our own."""
    if url.startswith("sqlite:///"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=5)) as connection:
            return list(connection.execute(sql))
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def until(look: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Returns once what it looks for is so; ``look`` may be asynchronous."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        found = look()
        answer = await found if isinstance(found, Awaitable) else found
        if answer:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited {patience_s} s in vain for {what}; last seen: {answer!r}")
        await asyncio.sleep(LOOK_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def staged(folder: Path, url: str = "") -> AsyncIterator[Stage]:
    """Simulators up, people linked, a token made; no service is running yet."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    url = url or f"sqlite:///{folder / 'countersign.db'}"
    world = World(folder, database_url=url, port=port)
    await world.start_neighbours()
    world.app.webhook_url = f"{address}/webhooks/github"
    try:
        token = await _prepare(world)
        yield Stage(world, url, address, token, folder / "steps")
    finally:
        await world.github.stop()
        await world.servicenow.stop()


async def _prepare(world: World) -> str:
    service = await open_service(world.settings(world.github.base_url))
    try:
        tenant = service.tenants.get(TENANT)
        assert tenant is not None
        assert tenant.servicenow is not None
        for name in ("erin", "frank"):
            user = await tenant.servicenow.user(name)
            link = await tenant.people.propose_link(f"servicenow:{user.sys_id}", name, None, "steward:one")
            await tenant.people.confirm_link(link.id, "steward:two")
        await tenant.servicenow.close()
        await adopt_standing(service.database, world.github, REPOSITORY, "main", world.clock())
        made = await service.tokens.create(
            TENANT, "pipeline", Scope(permissions=(Permission.ADMIN,)), by="test", days=1
        )
        return made.text
    finally:
        await service.github.close()
        await service.database.close()


@asynccontextmanager
async def running(stage: Stage, kill: Kill | None = None, name: str = "one") -> AsyncIterator[Child]:
    """The service, started anew whenever it dies by a kill."""
    settings = stage.world.settings(stage.world.github.base_url)
    child = Child(Plan(settings, stage.trace, kill), stage.world.folder, name)
    await child.start()
    try:
        yield child
    finally:
        await child.stop()
