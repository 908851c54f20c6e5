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
from app.sweeps.members import see_groups
from app.tenants.registry import Tenant, Tenants
from app.work import store as work
from integrations.errors import NeighbourError
from integrations.github.port import GitHubApp

REDELIVERY_S = 3 * 86_400 - 3600
"""GitHub keeps deliveries for three days."""

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

    async def __call__(self) -> None:
        """Everything, one after the other; what a neighbour refuses is left for the next time."""
        await self._redeliver()
        for tenant in self._tenants:
            for installation_id in tenant.policy.installations:
                try:
                    await self._pulls(tenant, installation_id)
                except NeighbourError as error:
                    _log.warning("sweep.incomplete", tenant=tenant.id, error=str(error))
        await self._database.write(self._changes)

    async def _redeliver(self) -> None:
        """Have GitHub send again what we never answered: only deliveries can grant."""
        try:
            for delivery in await self._github.failed_deliveries(self._clock() - REDELIVERY_S * SECOND):
                await self._github.redeliver(delivery)
        except NeighbourError as error:
            _log.warning("sweep.not_redelivered", error=str(error))

    async def _pulls(self, tenant: Tenant, installation_id: int) -> None:
        """Mark every open pull request into a listed branch, and every one that we still hold to be open."""
        github = self._github.installation(installation_id)
        for repository_id, name in await self._github.repositories(installation_id):
            repository = Repository(repository_id, tenant.id, name, installation_id)
            found = await github.open_pulls(name)
            numbers = [pull.number for pull in found if tenant.lists(name, pull.base_ref)]
            await self._database.write(partial(self._mark, repository=repository, numbers=numbers))
            await see_groups(self._gatherer, tenant, github, repository)

    def _mark(self, tx: Tx, repository: Repository, numbers: Iterable[int]) -> None:
        now = self._clock()
        pulls.see_repository(tx, repository, now)
        known = {number for number, _, _ in pulls.open_pulls(tx, repository.id)}
        for number in sorted({*numbers, *known}):
            work.mark(tx, f"pull/{repository.id}/{number}", now)

    def _changes(self, tx: Tx) -> None:
        for release_id, environment in changes.unfinished(tx):
            work.mark(tx, changes.work_key(release_id, environment), self._clock())
