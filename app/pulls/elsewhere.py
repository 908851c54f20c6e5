"""What neighbours and other pull requests know that judging what people said in one pull request takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from app.consents import store as consents
from app.consents.store import StoredGrant
from app.db.database import Database, glance
from app.db.tx import Tx
from app.pulls.acting import delegable
from app.pulls.admission import revokes
from app.pulls.facts import contributors, delegations
from app.pulls.naming import named
from app.pulls.observe import Said
from app.pulls.situation import Situation
from app.pulls.store import Observation
from app.rebuild.memory import Memory
from app.rebuild.pull import release_said
from app.releases.store import tracked
from app.tenants.registry import Tenant
from gates.model import Consent, Contributor, ReportingFacts
from integrations.github.port import GitHub
from manifests.command import Command, parse_command


class Elsewhere:
    def __init__(self, database: Database, memory: Memory) -> None:
        self._database = database
        self._memory = memory

    async def __call__(
        self, tenant: Tenant, github: GitHub, at: Situation, heard: Sequence[tuple[Observation, Said]]
    ) -> Situation:
        """The situation with whatever is known elsewhere, as far as what was ``heard`` depends on it. Raises
        NeighbourError."""
        at = msgspec.structs.replace(at, named=await named(github, tenant, heard))
        if any(_asks_for_makers(said) for _, said in heard):
            makers = await glance(self._database, partial(_makers, memory=self._memory, tenant=tenant.id, at=at))
            at = msgspec.structs.replace(at, makers=makers, reporting=await _reporting(tenant, at, makers))
        if any(delegable(release) for release in at.view.releases):
            told = await glance(self._database, partial(_delegated, tenant=tenant.id, at=at))
            at = msgspec.structs.replace(at, delegations=(*at.delegations, *told))
        if any(revokes(seen, said) for seen, said in at.observations):
            lent = await glance(self._database, partial(_lent, tenant=tenant.id, at=at))
            at = msgspec.structs.replace(at, lent=lent)
        return at


def _asks_for_makers(said: Said) -> bool:
    """Whether it depends on who made the release: only who could approve lifts what another said, or acts for them."""
    command = parse_command(said.body)
    return isinstance(command, Command) and command.verb in ("unhold", "delegate")


def _makers(tx: Tx, memory: Memory, tenant: str, at: Situation) -> tuple[Contributor, ...]:
    """Who had a hand in any of these releases before now."""
    found: list[Contributor] = []
    for release in at.view.releases:
        row = tracked(at.releases[release.path])
        found += contributors(release_said(tx, memory, tenant, row, list(release.digests.values())))
    return tuple(found)


async def _reporting(tenant: Tenant, at: Situation, makers: Iterable[Contributor]) -> ReportingFacts | None:
    if tenant.reporting is None:
        return None
    rules = [rule for release in at.view.releases for rule in release.rules.values()]
    known = [one for release in at.view.releases for one in release.contributors.known]
    others = {*at.persons.values(), *(one.person for one in at.named.values())}
    return await tenant.reporting.lines(rules, (*known, *makers), others)


def _delegated(tx: Tx, tenant: str, at: Situation) -> tuple[Consent, ...]:
    """By which people of other pull requests let somebody act for them in these releases."""
    found = {
        grant.id: grant
        for one in at.view.releases
        for grant in delegations(tx, tenant, at.releases[one.path], one, at.now)
    }
    return tuple(grant.consent for grant in found.values() if grant.readable)


def _lent(tx: Tx, tenant: str, at: Situation) -> tuple[StoredGrant, ...]:
    """What people of other pull requests let others do in the whole repository."""
    found = consents.delegations_elsewhere(tx, tenant, at.view.facts.repository_id, "", at.now)
    return tuple(one for one in found if one.readable and one.consent.pull_number != at.view.pull.number)
