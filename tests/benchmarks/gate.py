"""The gate's answers with facts fresh: each one decided, recorded and signed before it leaves.

A release with every gate (lineage, evidence, two seats, an approved change in its window) is brought to its merge
through both simulators; then pipelines ask about it at a fixed rate.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from app.sandbox import documents
from app.sandbox.world import REPOSITORY, World
from tests.benchmarks import databases
from tests.benchmarks.child import Child
from tests.benchmarks.load import Job, load, post
from tests.benchmarks.result import Measured, main
from tests.benchmarks.service import Ready, adopt_policy, serve_in_child

RATE = 500
SECONDS = 20
PATIENCE_S = 20.0
ARTIFACT = f"{documents.FOLDER}/policy.json"


async def measure(quick: bool) -> list[Measured]:
    seconds = 5 if quick else SECONDS
    async with _released() as (child, job):
        await load(msgspec.structs.replace(job, count=RATE, rate=RATE / 2))
        before = child.cpu_s()
        steady = await load(msgspec.structs.replace(job, count=RATE * seconds, rate=RATE))
        cpu = child.cpu_s() - before
        most = await load(msgspec.structs.replace(job, count=RATE * seconds // 2, connections=16))
    refused = steady.refused + steady.broken + most.refused + most.broken
    return [
        Measured("gate.p99_at_500", steady.p99, "ms", "≤", 10),
        Measured("gate.p50_at_500", steady.p50, "ms"),
        Measured("gate.most", most.per_second, "1/s"),
        Measured("gate.cpu", cpu / steady.ok * 1000 if steady.ok else 0, "ms"),
        Measured("gate.refused", refused, "answers", "≤", 0, scaled=False),
    ]


@asynccontextmanager
async def _released() -> AsyncIterator[tuple[Child, Job]]:
    """The service, and the question that it answers with allow."""
    async with databases.folder() as folder:
        world = World(folder)
        await world.start_neighbours()
        child, ready = await serve_in_child(folder, world.settings(world.github.base_url))
        world.app.webhook_url = f"{ready.address}/webhooks/github"
        try:
            question = await _release(world, ready)
            await _expect_allow(ready, question)
            yield child, _job(ready, question)
        finally:
            await child.stop()
            await world.stop()


async def _release(world: World, ready: Ready) -> dict[str, Any]:
    """From the pull request to its merge; answers the pipeline's question."""
    await _link(ready)
    await adopt_policy(ready, REPOSITORY)
    github, files = world.github, world.release_files()
    github.push(REPOSITORY, "release", files, author="alice")
    pull = github.open_pull(REPOSITORY, "release", author="alice", title="Release 3.2.0")
    await _until(lambda: github.checks(REPOSITORY, pull.head_sha), "the first check run")
    await asyncio.sleep(1.5)
    for person in ("bob", "carol"):
        github.comment(REPOSITORY, pull.number, by=person, body=f"/approve {pull.head_sha} production")
    await _until(lambda: world.servicenow.changes(), "a change request")
    await asyncio.sleep(1.5)
    for change in world.servicenow.changes():
        for approver in ("erin", "frank"):
            world.servicenow.decide_change(change.number, approver, "approved", "")
            await asyncio.sleep(1.5)
    await _until(lambda: _passes(world, pull.head_sha), "a check run that lets it pass")
    merged = github.merge_pull(REPOSITORY, pull.number, by="bob", method="squash")
    sha256 = hashlib.sha256(files[ARTIFACT]).hexdigest()
    return {
        "environment": "production",
        "repository": REPOSITORY,
        "commit": merged.sha,
        "subjects": [{"name": "policy.json", "digest": {"sha256": sha256}}],
    }


async def _link(ready: Ready) -> None:
    """erin and frank are persons: one of us says so, the other confirms."""
    proposing, confirming = (_session(ready, token) for token in ready.tokens)
    async with proposing, confirming:
        for name in ("erin", "frank"):
            async with proposing.post("/api/v1/people/links", json={"account": f"servicenow:{name}"}) as answer:
                link = await answer.json()
            async with confirming.post(f"/api/v1/people/links/{link['id']}/confirmation") as answer:
                answer.raise_for_status()


async def _expect_allow(ready: Ready, question: dict[str, Any]) -> None:
    async with _session(ready, ready.tokens[0]) as session:
        told: dict[str, Any] = {}
        for _ in range(20):
            async with session.post("/api/v1/decisions", json=question) as answer:
                told = await answer.json()
            if told.get("decision") == "allow":
                return
            await asyncio.sleep(0.5)
    raise RuntimeError(f"expected the gate to allow the release, found {json.dumps(told)[:2000]}")


def _session(ready: Ready, token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(ready.address, headers={"Authorization": f"Bearer {token}"})


def _job(ready: Ready, question: dict[str, Any]) -> Job:
    head = post("/api/v1/decisions", f"Authorization: Bearer {ready.tokens[0]}")
    return Job(port=ready.port, head=head, body=json.dumps(question), count=0, connections=64)


def _passes(world: World, commit: str) -> bool:
    return world.github.checks(REPOSITORY, commit)[-1].conclusion == "success"


async def _until(ready: Callable[[], object], what: str) -> None:
    for _ in range(int(PATIENCE_S / 0.05)):
        if ready():
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"expected {what} within {PATIENCE_S:g} s")


if __name__ == "__main__":
    main(measure, __doc__)
