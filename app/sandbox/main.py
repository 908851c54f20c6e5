"""`countersign sandbox`: everything on this machine, against simulators. Nothing is kept, nothing leaves."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import IO, Any

import aiohttp
import msgspec
import typer

from app import logging
from app.cli.exits import NO, CannotFindOutError
from app.clock import now
from app.sandbox.auditor import Archive
from app.sandbox.outsiders import InServiceNow, OnGitHub
from app.sandbox.shell import Shell
from app.sandbox.stage import Stage
from app.sandbox.story import belongings, play
from app.sandbox.telling import Teller
from app.sandbox.waiting import StoryError
from app.sandbox.world import REPOSITORY, TENANT, World
from app.service import Service
from app.settings.model import Settings
from app.tokens.model import Permission

DEFAULT_PORT = 8080


def run(story: bool, once: bool, port: int) -> None:
    """``port`` 0 is any free one; the default one gives way when it is taken, another one must be free.

    Raises typer.Exit 1 when the story did not end as it should.
    """
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    tell = Teller(sys.stdout)
    with tempfile.TemporaryDirectory(prefix="countersign-") as folder, Path(folder, "log.json").open("w") as log:
        logging.configure("warning", "json", log)
        ended = asyncio.run(_interruptible(_sandbox(Path(folder), tell, story, once, free_port(port, tell))))
    if not ended:
        raise typer.Exit(NO)


def free_port(wanted: int, tell: Teller) -> int:
    """``wanted`` if it can be had. Raises CannotFindOutError for one that was asked for and is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if wanted != DEFAULT_PORT:
                    raise CannotFindOutError(
                        f"expected port {wanted} on 127.0.0.1 to be free, found: {error.strerror}. Leave --port out."
                    ) from None
                tell.plain(f"Port {wanted} on 127.0.0.1 is in use, so another one is taken.")
                continue
            found: int = probe.getsockname()[1]
            return found
    raise CannotFindOutError("expected a free port on 127.0.0.1, found none")


async def _interruptible(work: Coroutine[Any, Any, bool]) -> bool:
    """What ``work`` answers; Ctrl-C or SIGTERM cancels it, which is no success unless it says so."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return False


async def _sandbox(folder: Path, tell: Teller, story: bool, once: bool, port: int) -> bool:
    world = World(folder, port=port, adopted=not story)
    try:
        service = await world.start(configure=lambda settings: _copying(settings, _copies(world)))
        _opening(tell, world, service)
        ended = await _told(tell, world, service) if story else True
        if not once:
            await _stay(tell, world, service, told=story)
        return ended
    finally:
        await world.stop()


async def _told(tell: Teller, world: World, service: Service) -> bool:
    has = belongings(world)
    # Comes before the story as it would in life: whoever runs the service makes the first token.
    admin = await world.token(Permission.ADMIN, name="story")
    first = await world.token(Permission.PEOPLE_MANAGE, name="first administrator")
    stewards = (first, await world.token(Permission.PEOPLE_MANAGE, name="second administrator"))
    async with aiohttp.ClientSession() as http:
        github = OnGitHub(http, world.github.base_url, REPOSITORY)
        servicenow = InServiceNow(http, world.servicenow.base_url)
        stage = Stage(tell, github, servicenow, Shell(service.address, has.folder), has, admin, stewards, world.clock)
        began = now()
        try:
            await play(stage, _archive(world, service))
        except StoryError as error:
            tell.plain()
            tell.refused(f"The story did not end as it should: {error}")
            _last_lines(tell, world.folder / "log.json")
            return False
    tell.plain()
    tell.good(f"The journey ended as it should, in {(now() - began) / 1e6:.0f} seconds.")
    return True


def _copies(world: World) -> Path:
    return world.folder / "copies"


def _copying(settings: Settings, copies: Path) -> Settings:
    """The same, with the log copied into a folder, as a bucket with object lock would have it."""
    return settings.model_copy(update={"audit": settings.audit.model_copy(update={"folder": copies})})


def _archive(world: World, service: Service) -> Archive:
    return Archive(
        service.settings.database.url.get_secret_value(), service.keys.log.public.to_openssh(), TENANT, _copies(world)
    )


def _opening(tell: Teller, world: World, service: Service) -> None:
    tell.plain("Countersign on this machine: nothing is kept, nothing leaves, nothing here is real.")
    tell.link("Console", service.address)
    tell.link("Simulated GitHub", f"{world.github.base_url}/{REPOSITORY}")
    tell.link("Simulated ServiceNow", f"{world.servicenow.base_url}/_sim/changes")
    tell.tell(
        "Alice and Bob are senior developers, Carol is a risk manager, Dana is both; Erin and Frank approve changes "
        "in ServiceNow; Mallory may push, and is in no group."
    )


async def _stay(tell: Teller, world: World, service: Service, told: bool) -> None:
    """Until somebody has had enough."""
    token = await world.token(Permission.ADMIN, name="visitor")
    tell.plain()
    tell.plain("Everything goes on running until Ctrl-C. Look around:")
    tell.link("Console", service.address)
    tell.link("Simulated GitHub", f"{world.github.base_url}/{REPOSITORY}")
    tell.link("Levers of the simulated GitHub", f"{world.github.base_url}/_sim/")
    tell.link("Changes in the simulated ServiceNow", f"{world.servicenow.base_url}/_sim/changes")
    tell.link("Copies of the audit log", str(_copies(world)))
    tell.plain()
    tell.plain(f"   export COUNTERSIGN_URL={service.address}")
    tell.plain(f"   export COUNTERSIGN_TOKEN={token}   # admin, of this sandbox only")
    for words in ("people list", "tokens list"):
        tell.plain(f"   {_command()} {words}")
    if not told:
        _propose(tell, world)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    tell.plain()
    tell.plain("Stopping.")


def _propose(tell: Teller, world: World) -> None:
    """How to open a pull request with a release by hand."""
    push = world.folder / "push.json"
    files = {path: base64.b64encode(data).decode() for path, data in world.release_files().items()}
    push.write_bytes(msgspec.json.encode({"as": "alice", "branch": "release", "files_base64": files}))
    here = f"{world.github.base_url}/_sim/repositories/{REPOSITORY}"
    tell.plain("   # a pull request with a release:")
    tell.plain(f"   curl -d @{push} {here}/pushes")
    tell.plain(f"""   curl -d '{{"as": "alice", "head": "release", "title": "Release"}}' {here}/pulls""")
    tell.plain(f"   # or have it all played: {_command()} sandbox --story")


def _command() -> str:
    """How to call us from here: by name, or by where we were called from."""
    return "countersign" if shutil.which("countersign") else sys.argv[0]


def _last_lines(tell: Teller, log: Path, most: int = 5) -> None:
    lines = _tail(log.open(), most)
    if lines:
        tell.says("The last lines of the service's log", lines)


def _tail(stream: IO[str], most: int) -> list[str]:
    with stream:
        return [line.rstrip()[:500] for line in stream.readlines()[-most:]]
