"""Looks at the groups of policies before anybody proposes a release: a membership must be known for some time before
it counts, and it is known only from when it was first seen."""

from __future__ import annotations

import msgspec
import structlog

from app.facts.gather import Gatherer
from app.facts.group_source import Scope
from app.pulls.store import Repository
from app.tenants.registry import Tenant
from integrations.errors import NeighbourError
from integrations.github.port import GitHub

_log = structlog.get_logger()


async def see_groups(gatherer: Gatherer, tenant: Tenant, github: GitHub, repository: Repository) -> tuple[str, ...]:
    """Write down who is in every group that the policies over the repository's listed branches name. Answers those of
    the branches whose policy counts for nothing."""
    waiting = []
    for ref in sorted(tenant.listed_refs(repository.name)):
        scope, named = Scope(github, repository.id, repository.name), dict(tenant.policy.groups)
        try:
            policies, _ = await gatherer.policies(tenant, github, repository, ref)
        except NeighbourError as error:
            _log.warning("sweep.policy_unread", tenant=tenant.id, repository=repository.name, ref=ref, error=str(error))
        else:
            waiting += [ref] if policies.unreleased else []
            scope = msgspec.structs.replace(scope, commit=policies.commit, content=gatherer.content)
            named = (policies.repository.groups if policies.repository else {}) | named
        for fact in await tenant.groups.read(scope, named.items()):
            if fact.problem:
                _log.warning("sweep.group_unread", tenant=tenant.id, group=fact.name, error=fact.problem)
    return tuple(waiting)
