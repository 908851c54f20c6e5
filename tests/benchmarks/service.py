"""Countersign as the process under test.

    python -m tests.benchmarks.service FOLDER

Reads the settings that ``write_settings`` left in the folder, serves, and prints one line of JSON when it listens.
"""

from __future__ import annotations

import argparse
import asyncio
import pickle
import signal
import sys
from pathlib import Path

import aiohttp
import msgspec

from app import logging
from app.service import open_service
from app.settings.model import Settings
from app.tokens.model import Permission, Scope
from tests.benchmarks.child import Child, start

FILE = "settings.pickle"


class Ready(msgspec.Struct, frozen=True):
    """``tokens`` of two people, who may do everything for the first tenant."""

    address: str
    tokens: tuple[str, str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


def write_settings(folder: Path, settings: Settings) -> None:
    path = folder / FILE
    path.touch(mode=0o600)
    path.write_bytes(pickle.dumps(settings))


async def serve_in_child(folder: Path, settings: Settings, *arguments: str) -> tuple[Child, Ready]:
    """A child that listens, and where."""
    write_settings(folder, settings)
    child = await start("tests.benchmarks.service", str(folder), *arguments)
    return child, await child.read(Ready)


async def adopt_policy(ready: Ready, repository: str, branch: str = "main") -> None:
    """Have the policy that stands on a branch count: one of us says so, the other confirms."""
    where = {"repository": repository, "branch": branch}
    async with aiohttp.ClientSession(ready.address) as session:
        for token in ready.tokens:
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get("/api/v1/policies/present", params=where, headers=headers) as answer:
                sha256 = (await answer.json())["sha256"]
            asked = {**where, "sha256": sha256}
            async with session.post("/api/v1/policies/adoptions", json=asked, headers=headers) as answer:
                answer.raise_for_status()


async def _serve(folder: Path, concurrency: int) -> None:
    settings = pickle.loads((folder / FILE).read_bytes())
    assert isinstance(settings, Settings)
    logging.configure("warning", "text")
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    service = await open_service(settings, concurrency=concurrency)
    await service.start(sweep=False)
    tenant, everything = settings.tenants[0].id, Scope(permissions=(Permission.ADMIN,))
    first = await service.tokens.create(tenant, "first", everything, by="service:benchmark", days=1)
    second = await service.tokens.create(tenant, "second", everything, by="service:benchmark", days=1)
    ready = Ready(service.address, (first.text, second.text))
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await service.stop()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--concurrency", type=int, default=64, help="keys worked on at once; 0: none, only the inbox")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.folder, arguments.concurrency))


if __name__ == "__main__":
    _main()
