"""Repairs what events missed: failed deliveries, open pull requests nobody told of, members of groups, work that went
missing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import structlog

from app.changes import store as changes
from app.clock import SECOND, Clock
from app.db.database import Database
from app.db.tx import Tx
from app.facts.gather import Gatherer
from app.pulls import store as pulls
from app.pulls.store import Repository
from app.repositories.keys import policy_key
from app.sweeps.members import see_groups
from app.tenants.registry import Tenant, Tenants
from app.work import store as work
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, RefusedError
from integrations.github.port import GitHubApp

REDELIVERY_S = 3 * 86_400 - 3600
"""GitHub keeps deliveries for three days."""
OVERLAP_S = 3600
"""How much of the time before the last look is looked at again: GitHub's clock is not ours."""

_log = structlog.get_logger()


class Repair:
    def __init__(
        self, database: Database, tenants: Tenants, github: GitHubApp, gatherer: Gatherer, clock: Clock
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._github = github
        self._gatherer = gatherer
        self._clock = clock
        self._broken_off: dict[int, int] = {}
        self._redelivered_at = 0

    async def __call__(self) -> None:
        """Everything, one after the other; what a neighbour refuses is left for the next time."""
        await self._redeliver()
        for tenant in self._tenants:
            for installation_id in tenant.policy.installations:
                await self._installation(tenant, installation_id)
        await self._database.write(self._changes)

    async def _redeliver(self) -> None:
        """Have GitHub send again what we never answered: only deliveries can grant."""
        started = self._clock()
        since = max(started - REDELIVERY_S * SECOND, self._redelivered_at - OVERLAP_S * SECOND)
        try:
            failed = await self._github.failed_deliveries(since)
        except NeighbourError as error:
            _log.warning("sweep.not_redelivered", error=str(error))
            return
        missed = False
        for delivery in failed:
            try:
                await self._github.redeliver(delivery)
            except RateLimitedError as error:
                _log.warning("sweep.not_redelivered", error=str(error))
                return
            except NeighbourError as error:
                # One that GitHub cannot send must not keep back those after it.
                _log.warning("sweep.not_redelivered", delivery=delivery, error=str(error))
                missed = missed or not isinstance(error, RefusedError | NotFoundError)
        if not missed:
            # Next time only what came since: three days of a busy organisation are thousands of calls.
            self._redelivered_at = started

    async def _installation(self, tenant: Tenant, installation_id: int) -> None:
        """Every repository in it; one that cannot be read does not keep back those after it."""
        try:
            found = await self._github.repositories(installation_id)
        except NeighbourError as error:
            _log.warning("sweep.incomplete", tenant=tenant.id, error=str(error))
            return
        # From where the last one was broken off, so that a rate limit does not always hit the same ones.
        last = self._broken_off.pop(installation_id, None)
        first = next((place for place, (repository_id, _) in enumerate(found) if repository_id == last), 0)
        for repository_id, name in (*found[first:], *found[:first]):
            repository = Repository(repository_id, tenant.id, name, installation_id)
            try:
                await self._pulls(tenant, repository)
            except RateLimitedError as error:
                self._broken_off[installation_id] = repository_id
                _log.warning("sweep.incomplete", tenant=tenant.id, repository=name, error=str(error))
                return
            except NeighbourError as error:
                _log.warning("sweep.incomplete", tenant=tenant.id, repository=name, error=str(error))

    async def _pulls(self, tenant: Tenant, repository: Repository) -> None:
        """Mark every open pull request into a listed branch, and every one that we still hold to be open."""
        numbers: list[int] = []
        github = self._github.installation(repository.installation_id)
        listed = tenant.listed_refs(repository.name)
        if listed:  # most repositories of a large organisation are none of ours: asking would use up its rate limit
            found = await github.open_pulls(repository.name)
            numbers = [pull.number for pull in found if pull.base_ref in listed]
        await self._database.write(partial(self._mark, repository=repository, numbers=numbers))
        if listed:
            waiting = await see_groups(self._gatherer, tenant, github, repository)
            keys = {policy_key(repository.id, ref): self._clock() for ref in waiting}
            if keys:
                await self._database.write(partial(work.mark_many, keys=keys))

    def _mark(self, tx: Tx, repository: Repository, numbers: Iterable[int]) -> None:
        now = self._clock()
        pulls.see_repository(tx, repository, now)
        known = {number for number, _, _ in pulls.open_pulls(tx, repository.id)}
        for number in sorted({*numbers, *known}):
            work.mark(tx, f"pull/{repository.id}/{number}", now)

    def _changes(self, tx: Tx) -> None:
        for release_id, environment in changes.unfinished(tx):
            work.mark(tx, changes.work_key(release_id, environment), self._clock())
