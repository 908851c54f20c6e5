"""Which releases of a repository would be decided otherwise under another policy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from sqlalchemy import text

from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.facts.gather import Gatherer
from app.http.problem import Problem
from app.policy import difference, trees
from app.policy.asking import expect_known_groups, expect_plain
from app.policy.assumptions import Assumptions
from app.policy.errors import SimulationError
from app.policy.requests import Compared, Comparison, ComparisonRequest
from app.policy.simulating import Covered, Outcome, Simulations, counting
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.signatures.errors import StatementRefusedError
from app.signatures.reading import Current, Reader
from app.tenants.registry import Tenant
from gates.model import Question
from integrations.errors import NeighbourError
from integrations.github.port import GitHubApp
from manifests.canonical import sha256_hex
from manifests.record import Draft, facts

MAX_RELEASES = 200
MERGED_S = 7 * 86_400
AT_ONCE = 4
_CANDIDATES = text(
    "SELECT id FROM releases WHERE tenant = :tenant AND repository_id = :repository"
    " AND (state = 'open' OR (state = 'merged' AND updated_at >= :since)) ORDER BY updated_at DESC, id LIMIT :most"
)
_COUNT = text(
    "SELECT count(*) AS n FROM releases WHERE tenant = :tenant AND repository_id = :repository"
    " AND (state = 'open' OR (state = 'merged' AND updated_at >= :since))"
)


class Candidates(msgspec.Struct, frozen=True):
    """The ids of the newest releases to compare, sorted, and how many older ones there are."""

    ids: tuple[str, ...]
    left_out: int


class Comparisons:
    def __init__(
        self, database: Database, github: GitHubApp, gatherer: Gatherer, reader: Reader, simulations: Simulations,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._database = database
        self._github = github
        self._gatherer = gatherer
        self._reader = reader
        self._simulations = simulations
        self._clock = clock

    async def compare(
        self, tenant: Tenant, asked: ComparisonRequest, by: str, covered: Covered, *, may_see: bool
    ) -> Comparison:
        """The next releases after ``asked.after``, each of whose environments ``covered`` does not refuse. Raises
        SimulationError, ManifestError, NeighbourError, and what ``covered`` raises of the repository."""
        repository = await self._repository(tenant, asked.repository)
        covered(repository, ())
        changes = await self._changes(tenant, repository, asked, may_see=may_see)
        found = await self._database.read(lambda tx: self._candidates(tx, tenant.id, repository.id))
        left = [one for one in found.ids if one > asked.after]
        now = left[: asked.limit]
        compared = await self._all(tenant, now, asked, covered, may_see=may_see)
        draft = _draft(repository, asked, by, len(now), self._clock())
        await self._database.write(lambda tx: tx.stage(tenant.id, draft))
        return Comparison(
            compared, done=len(found.ids) - len(left) + len(now), total=len(found.ids), left_out=found.left_out,
            next=now[-1] if len(left) > len(now) else "", policy=() if asked.after else changes,
        )  # fmt: skip

    async def _repository(self, tenant: Tenant, name: str) -> Repository:
        found = await self._database.read(lambda tx: pulls.repository_named(tx, tenant.id, name))
        if found is None:
            raise SimulationError(
                "comparison.repository", "a repository that Countersign has seen", name, "Name it as owner/name.",
                status=404,
            )  # fmt: skip
        return found

    async def _changes(
        self, tenant: Tenant, repository: Repository, asked: ComparisonRequest, *, may_see: bool
    ) -> tuple[difference.Change, ...]:
        """What the other policy changes on the branch asked about, or the first that the tenant policy lists."""
        listed = sorted(tenant.listed_refs(repository.name), key=lambda ref: (ref != "main", ref))
        branch = asked.base_ref or next(iter(listed), None)
        if branch is None or branch not in listed:
            raise SimulationError(
                "comparison.branch", f"a branch that the tenant policy lists: {', '.join(listed) or 'none'}",
                branch or "none", "Name a listed branch.", status=409,
            )  # fmt: skip
        github = self._github.installation(repository.installation_id)
        present, _ = await self._gatherer.policies(tenant, github, repository, branch)
        other = await self._gatherer.proposed(tenant, github, repository, branch, asked.policy.encode())
        expect_plain(other)
        if not may_see:
            expect_known_groups(other, present)
        return difference.changes(counting(present), other.repository) if other.repository is not None else ()

    def _candidates(self, tx: Tx, tenant: str, repository: int) -> Candidates:
        asked = {"tenant": tenant, "repository": repository, "since": self._clock() - MERGED_S * SECOND}
        ids = sorted(row.id for row in tx.all(_CANDIDATES, most=MAX_RELEASES, **asked))
        row = tx.first(_COUNT, **asked)
        return Candidates(tuple(ids), (0 if row is None else row.n) - len(ids))

    async def _all(
        self, tenant: Tenant, ids: Sequence[str], asked: ComparisonRequest, covered: Covered, *, may_see: bool
    ) -> tuple[Compared, ...]:
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(release_id: str) -> tuple[Compared, ...]:
            async with turn:
                return await self._one(tenant, release_id, asked, covered, may_see=may_see)

        return tuple(found for several in await asyncio.gather(*map(one, ids)) for found in several)

    async def _one(
        self, tenant: Tenant, release_id: str, asked: ComparisonRequest, covered: Covered, *, may_see: bool
    ) -> tuple[Compared, ...]:
        try:
            current = await self._reader.by_id(tenant, release_id, lambda repository: covered(repository, ()))
            if asked.base_ref is not None and current.view.pull.base_ref != asked.base_ref:
                return ()
            question: Question = "deploy" if current.view.facts.state == "merged" else "merge"
            other = await self._simulations.under(current, asked.policy.encode(), may_see=may_see)
            found = []
            for name in current.release.environments:
                if _is_covered(covered, current.repository, name):
                    outcome = await self._simulations.outcome(current, other, name, question, Assumptions())
                    found += [] if outcome.superseded else [_compared(current, name, question, outcome)]
            return tuple(found)
        except StatementRefusedError as error:
            return () if error.code == "release.closed" else (_uncompared(release_id, str(error)),)
        except (NeighbourError, SimulationError) as error:
            return (_uncompared(release_id, str(error)),)


def _is_covered(covered: Covered, repository: Repository, environment: str) -> bool:
    """A token for some environments hears nothing of others."""
    try:
        covered(repository, (environment,))
    except Problem:
        return False
    return True


def _compared(current: Current, environment: str, question: Question, found: Outcome) -> Compared:
    before, after = found.before, found.after
    return Compared(
        release=current.row.id, pull_number=current.row.number, path=current.row.path, environment=environment,
        question=question, before=before.outcome, after=after.outcome, gates=trees.gates(before, after),
        differences=trees.differences(before, after), anew=found.anew, rule_before=before.effective_rule,
        rule_after=after.effective_rule,
    )  # fmt: skip


def _uncompared(release_id: str, why: str) -> Compared:
    return Compared(release_id, 0, "", "", "merge", problem=why[:500])


def _draft(repository: Repository, asked: ComparisonRequest, by: str, count: int, at: int) -> Draft:
    data = {"repository": repository.id, "policy": sha256_hex(asked.policy.encode()), "releases": count}
    return Draft(
        trace_id=f"policy-{repository.id}", ts=at, stage="system", event="policy.simulated", component="policy",
        action="compared", resource=f"policy/{repository.id}", actor_ref=by, outcome="ok", data=facts(data),
    )  # fmt: skip
