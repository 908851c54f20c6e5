"""From webhook to check run posted, with GitHub in another process at 30 ms a call and nothing held back.

Pull requests with a whole release each are prepared beforehand. Then people agree and change their minds:
every event changes the verdict, so every one ends in a check run unlike the one before. GitHub echoes our own
check runs and comments as it does in earnest; those deliveries are part of the load.
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from app.sandbox.world import REPOSITORY, World
from integrations.github.simulator.model import CheckRun, Pull, Repository
from integrations.github.simulator.server import GitHubSimulator
from tests.benchmarks import databases
from tests.benchmarks.child import Child
from tests.benchmarks.result import Measured, main
from tests.benchmarks.service import adopt_policy, serve_in_child

LATENCY_S = 0.03
PULLS = 320
MODERATE = 40
"""Events a second at which nothing waits for anything else."""

AT_ONCE = 96
PATIENCE_S = 30.0
POLICY_PATH = ".github/countersign.yaml"

Act = Callable[[int], str]
"""Does something to the nth pull request and gives the commit whose check run must follow."""


async def measure(quick: bool) -> list[Measured]:
    async with _arena(160 if quick else PULLS) as arena:
        opened = await arena.flood(arena.open, 1, at_once=32)
        moderate = await arena.steady(arena.change_mind, 100 if quick else 400, MODERATE)
        pushed = await arena.steady(arena.push, 40 if quick else 200, MODERATE / 2)
        flood = await arena.flood(arena.change_mind, 4 if quick else 12, at_once=AT_ONCE // 2 if quick else AT_ONCE)
    return [
        Measured("evaluations.p50", moderate.percentile(0.5), "ms", "≤", 150),
        Measured("evaluations.p99", moderate.percentile(0.99), "ms"),
        Measured("evaluations.push_p50", pushed.percentile(0.5), "ms", "≤", 150),
        Measured("evaluations.rate", flood.per_second, "1/s", "≥", 290),
        Measured("evaluations.opened_rate", opened.per_second, "1/s"),
        Measured("evaluations.cpu", flood.cpu_ms, "ms"),
        Measured("evaluations.github_cpu", flood.github_cpu_ms, "ms"),
        Measured("evaluations.calls", flood.calls_each, "calls each", scaled=False),
        Measured("evaluations.opened_calls", opened.calls_each, "calls each", scaled=False),
    ]


class TimedGitHub(GitHubSimulator):
    """Tells when a check run comes to be."""

    def __init__(self) -> None:
        super().__init__(delivery_workers=64)
        self.calls = collections.deque()
        self._awaited: dict[str, asyncio.Future[float]] = {}
        self._last: dict[str, str] = {}

    def awaited(self, commit: str) -> asyncio.Future[float]:
        """The instant of the next check run of a commit."""
        self._awaited[commit] = asyncio.get_running_loop().create_future()
        return self._awaited[commit]

    def add_check_run(self, repository: Repository, run: CheckRun) -> None:
        if self._last.get(run.head_sha) == run.external_id:
            raise AssertionError("expected every check run to differ from the one before")
        self._last[run.head_sha] = run.external_id
        future = self._awaited.pop(run.head_sha, None)
        if future is not None and not future.done():
            future.set_result(time.perf_counter())
        super().add_check_run(repository, run)


class Outcome:
    """``times`` from event to check run, in seconds."""

    def __init__(self, times: Sequence[float], seconds: float, cpu_s: float, github_cpu_s: float, calls: int) -> None:
        self._times = sorted(times)
        self.per_second = len(times) / seconds
        self.cpu_ms = cpu_s / len(times) * 1000
        self.github_cpu_ms = github_cpu_s / len(times) * 1000
        self.calls_each = calls / len(times)

    def percentile(self, part: float) -> float:
        return self._times[min(len(self._times) - 1, int(part * len(self._times)))] * 1000


class Arena:
    """Pull requests, numbered from 0, and the service that looks after them."""

    def __init__(self, world: World, github: TimedGitHub, child: Child, count: int) -> None:
        self._world = world
        self._github = github
        self._child = child
        self._count = count
        self._pulls: dict[int, Pull] = {}
        self._turn: dict[int, int] = {}
        self._versions = 0

    def open(self, nth: int) -> str:
        """alice opens a pull request."""
        branch = f"release-{nth}"
        self._github.push(REPOSITORY, branch, self._files(), author="alice")
        self._pulls[nth] = self._github.open_pull(REPOSITORY, branch, author="alice", title=branch)
        return self._pulls[nth].head_sha

    def push(self, nth: int) -> str:
        """alice pushes another version of the release."""
        self._turn[nth] = 0
        self._github.push(REPOSITORY, f"release-{nth}", self._files(), author="alice")
        return self._pulls[nth].head_sha

    def change_mind(self, nth: int) -> str:
        """bob agrees, then carol, then bob takes it back, then carol.

        GitHub tells time in seconds, and what is said in the second of one's own revocation does not count.
        """
        pull, turn = self._pulls[nth], self._turn.get(nth, 0)
        self._turn[nth] = (turn + 1) % 4
        body = f"/approve {pull.head_sha} production" if turn < 2 else "/revoke"
        self._github.comment(REPOSITORY, pull.number, by=("bob", "carol")[turn % 2], body=body)
        return pull.head_sha

    async def steady(self, act: Act, events: int, rate: float) -> Outcome:
        """So many a second, on one pull request after the other."""
        tasks: list[asyncio.Task[float]] = []

        async def all_of_them() -> list[float]:
            started = time.perf_counter()
            for place in range(events):
                await asyncio.sleep(max(0.0, started + place / rate - time.perf_counter()))
                tasks.append(asyncio.create_task(self._one(act, place % self._count)))
            return await asyncio.gather(*tasks)

        return await self._measured(all_of_them)

    async def flood(self, act: Act, rounds: int, *, at_once: int) -> Outcome:
        """Each pull request ``rounds`` times, as fast as so many at once can be."""

        async def some(first: int) -> list[float]:
            return [await self._one(act, nth) for _ in range(rounds) for nth in range(first, self._count, at_once)]

        async def all_of_them() -> list[float]:
            found = await asyncio.gather(*(some(first) for first in range(min(at_once, self._count))))
            return [one for times in found for one in times]

        return await self._measured(all_of_them)

    async def _one(self, act: Act, nth: int) -> float:
        started = time.perf_counter()
        async with asyncio.timeout(PATIENCE_S):
            return await self._github.awaited(act(nth)) - started

    async def _measured(self, run: Callable[[], Awaitable[list[float]]]) -> Outcome:
        calls, cpu, own, started = (
            len(self._github.calls),
            self._child.cpu_s(),
            time.process_time(),
            time.perf_counter(),
        )
        times = await run()
        seconds = time.perf_counter() - started
        outcome = Outcome(
            times, seconds, self._child.cpu_s() - cpu, time.process_time() - own, len(self._github.calls) - calls
        )
        await asyncio.sleep(1.0)
        return outcome

    def _files(self) -> dict[str, bytes]:
        self._versions += 1
        return self._world.release_files(f"1.{self._versions}.0", shift=self._versions / 100)


@asynccontextmanager
async def _arena(count: int) -> AsyncIterator[Arena]:
    async with databases.folder() as folder:
        world, github = World(folder), TimedGitHub()
        world.github = github
        await world.start_neighbours()
        github.push(REPOSITORY, "main", {POLICY_PATH: _policy(world)}, author="alice")
        settings = world.settings(github.base_url)
        tenants = tuple(tenant.model_copy(update={"servicenow": None}) for tenant in settings.tenants)
        child, ready = await serve_in_child(folder, settings.model_copy(update={"tenants": tenants}))
        await adopt_policy(ready, REPOSITORY)
        world.app.webhook_url = f"{ready.address}/webhooks/github"
        github.faults.latency_s = LATENCY_S
        try:
            yield Arena(world, github, child, count)
        finally:
            await child.stop()
            await world.stop()


def _policy(world: World) -> bytes:
    """Two seats and the documents; no change request, for ServiceNow is not what is measured."""
    return f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers: {{github_team: acme/risk}}
trust:
  lineage: [{{key: "{world.training.public.fingerprint}", who: training cluster}}]
  test-result: [{{key: "{world.testing.public.fingerprint}", who: back-test service}}]
rules:
  - name: model to production
    when: {{kind: model, environment: production, paths: ["releases/**"]}}
    seats:
      - {{group: senior-developers, count: 1, signature: attested, accept: [review, command]}}
      - {{group: risk-managers, count: 1, signature: attested, accept: [review, command]}}
    expires: 72h
    gates: [artifacts, lineage, rationale, evidence, freeze]
    evidence: [test-result]
""".encode()


if __name__ == "__main__":
    main(measure, __doc__)
