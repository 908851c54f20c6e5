"""The release that a statement is about, as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from app.clock import SECOND
from app.consents import store as consents
from app.consents.store import StoredGrant
from app.db.database import Database
from app.db.tx import Tx
from app.facts.gather import Gatherer
from app.facts.view import PullView, ReleaseView
from app.pulls import store as pulls
from app.pulls.acting import delegations_of
from app.pulls.admission import revokes, withdrew
from app.pulls.facts import delegations
from app.pulls.keeping import pairs
from app.pulls.observe import Said
from app.pulls.store import Head, Observation, Repository
from app.rebuild.memory import Memory
from app.rebuild.pull import pull_said
from app.releases import store as releases
from app.releases.store import StoredRelease
from app.signatures.errors import StatementRefusedError
from app.tenants.registry import Tenant
from gates.model import Consent
from integrations.github.port import GitHubApp

LATE_S = 3600
"""How far GitHub's clock may be ahead of ours: what is received before a moment can be dated after it."""


class History(msgspec.Struct, frozen=True):
    """What was seen and recorded of the release's pull request."""

    heads: tuple[Head, ...]
    observations: tuple[tuple[Observation, Said], ...]
    grants: tuple[StoredGrant, ...]


class Current(msgspec.Struct, frozen=True):
    """Everything that consent to one release is judged by. By ``delegations``, which may have ended, people act for
    others in it."""

    tenant: Tenant
    row: StoredRelease
    repository: Repository
    history: History
    view: PullView
    release: ReleaseView
    delegations: tuple[Consent, ...] = ()


class Reader:
    def __init__(self, database: Database, github: GitHubApp, gatherer: Gatherer, memory: Memory) -> None:
        self.memory = memory
        self._database = database
        self._github = github
        self._gatherer = gatherer

    async def by_id(self, tenant: Tenant, release_id: str, covered: Callable[[Repository], None]) -> Current:
        """Raises StatementRefusedError, NeighbourError, and what ``covered`` raises of the repository."""
        row = await self._database.read(lambda tx: releases.one(tx, tenant.id, release_id))
        return await self._read(tenant, row, release_id, covered)

    async def by_name(
        self, tenant: Tenant, repository_id: int, number: int, path: str, covered: Callable[[Repository], None]
    ) -> Current:
        """The same, by what the statement itself names; read anew at GitHub."""
        found = await self._database.read(lambda tx: releases.of_pull(tx, repository_id, number))
        row = next((row for row in found if row.path == path and row.tenant == tenant.id), None)
        self._gatherer.forget_pull(repository_id, number)
        return await self._read(tenant, row, f"{path} in #{number} of repository {repository_id}", covered)

    async def with_pushes(self, current: Current, view: PullView, told: Iterable[Consent]) -> PullView:
        """``view`` with what was pushed since the heads that these consents are about. Raises NeighbourError."""
        github = self._github.installation(current.repository.installation_id)
        compared = pairs(view, told, current.history.heads)
        return msgspec.structs.replace(view, pushes=await self._gatherer.pushes(github, current.repository, compared))

    async def _read(
        self, tenant: Tenant, row: StoredRelease | None, named: str, covered: Callable[[Repository], None]
    ) -> Current:
        repository = await self._database.read(lambda tx: pulls.repository(tx, row.repository_id) if row else None)
        if row is None or repository is None or repository.tenant != tenant.id:
            raise StatementRefusedError(
                "release.unknown", "a release of this tenant", named[:200], "See /api/v1/releases.", status=404
            )
        covered(repository)
        known, history = await self._database.read(
            lambda tx: (
                pull_said(tx, self.memory, tenant.id, row.repository_id, row.number).releases,
                history_of(tx, self.memory, row),
            )
        )
        github = self._github.installation(repository.installation_id)
        proposed = {one.path: one.proposed_at for one in known}
        view = await self._gatherer.view(tenant, github, repository, row.number, history.heads, proposed)
        release = view.release(row.path)
        if release is None or row.state == "closed":
            raise StatementRefusedError(
                "release.closed", "an open or merged release", f"{row.path} of #{row.number}, which is closed",
                "Propose it again, then fetch a statement for it.",
            )  # fmt: skip
        elsewhere = await self._database.read(lambda tx: delegations(tx, tenant.id, row, release, 0))
        acting = delegations_of(
            (grant.consent for grant in (*history.grants, *elsewhere) if grant.readable), row.number, row.path
        )
        return Current(tenant, row, repository, history, view, release, acting)


def revoked_elsewhere(tx: Tx, consent: Consent) -> bool:
    """Whether the person took back, in any pull request, what they let others do in the whole repository."""
    if consent.delegation is None or consent.delegation.scope != "repository":
        return False
    seen = pulls.comments_since(tx, consent.repository_id, consent.issued_at - LATE_S * SECOND)
    heard = ((one, msgspec.json.decode(one.body_json, type=Said)) for one in seen)
    return withdrew((pair for pair in heard if revokes(*pair)), consent.account, consent.issued_at)


def history_of(tx: Tx, memory: Memory, row: StoredRelease) -> History:
    said = pull_said(tx, memory, row.tenant, row.repository_id, row.number)
    seen = pulls.observations(tx, row.repository_id, row.number)
    return History(
        pulls.heads_of(said.heads),
        tuple((one, msgspec.json.decode(one.body_json, type=Said)) for one in seen),
        tuple(grant for grant in consents.of_releases(tx, row.tenant, [row.id]) if grant.readable),
    )
