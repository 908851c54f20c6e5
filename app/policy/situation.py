"""A release as the service sees it now, as both arguments of a decision; and who is meant by a name."""

from __future__ import annotations

from functools import partial

import msgspec

from app.clock import Clock
from app.consents.bearing import Check
from app.db.database import Database
from app.facts.gather import Gatherer
from app.facts.identity import with_reporting
from app.facts.members import MACHINE
from app.facts.view import PullView, ReleaseView
from app.people import store as people
from app.people.store import KnownAccount
from app.policy.assumptions import Who
from app.pulls.facts import ReleaseFactsNow, release_facts, snapshot_of
from app.rebuild.memory import Memory
from app.rebuild.settled import settled
from app.signatures.reading import Current, Reader
from app.tenants.registry import Tenant
from gates.model import DeploymentFacts, NamedDigest, Question, Snapshot
from integrations.github.port import GitHub, GitHubApp


class Situations:
    """Reads what decisions read, and writes nothing."""

    def __init__(
        self, database: Database, github: GitHubApp, gatherer: Gatherer, reader: Reader, check: Check, memory: Memory,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._database = database
        self._github = github
        self._check = check
        self._memory = memory
        self._clock = clock
        self._reader = reader
        self.gatherer = gatherer

    def github(self, current: Current) -> GitHub:
        return self._github.installation(current.repository.installation_id)

    async def snapshots(
        self, current: Current, view: PullView, environments: tuple[str, ...], question: Question
    ) -> dict[str, Snapshot]:
        """By environment, of the release in ``view``; none where it is not in there. Raises NeighbourError."""
        tenant, release = current.tenant, view.release(current.row.path)
        if release is None:
            return {}
        at = self._clock()
        now: ReleaseFactsNow = await settled(
            self._database,
            partial(
                release_facts, memory=self._memory, tenant=tenant.id, row=current.row, release=release,
                check=self._check, at=at,
            ),
            ReleaseFactsNow.differs,
        )  # fmt: skip
        now = now.with_differences(tenant.people.differences)
        view = await self._reader.with_pushes(current, view, now.consents)
        found = {}
        for name in environments:
            snapshot = snapshot_of(tenant, view, release, name, self._clock(), now, now.consents)
            if question == "deploy":
                deployment = _deployment(view, release, name, snapshot.at)
                snapshot = msgspec.structs.replace(snapshot, question="deploy", deployment=deployment)
            found[name] = await with_reporting(tenant.reporting, snapshot, release.rules.get(name))
        return found

    async def who(self, tenant: Tenant, login: str, person: str = "") -> Who:
        """Whoever has this login at GitHub, or this id. Nothing is told of them but what they were called: whom nobody
        has seen yet is somebody without a group."""
        called = login or person
        if login:
            known = await self._database.read(lambda tx: people.by_login(tx, tenant.id, login))
        else:
            known = await self._database.read(lambda tx: people.of_persons(tx, tenant.id, [person]))
        found = next((one for one in _github_first(known) if one.person), None)
        if found is None:
            return Who(f"unknown:{called.lower()}", f"unknown:{called.lower()}", called)
        machines = {name.lower() for name in tenant.policy.people.machines}
        kind = MACHINE if found.login.lower() in machines else found.kind
        return Who(found.person, found.account, called, kind)


def _github_first(known: tuple[KnownAccount, ...]) -> list[KnownAccount]:
    return sorted(known, key=lambda one: (not one.account.startswith("github:"), one.account))


def _deployment(view: PullView, release: ReleaseView, environment: str, at: int) -> DeploymentFacts:
    """Exactly this release, from a commit of its base branch."""
    manifest = release.facts.manifest
    artifacts = manifest.artifacts_for(environment) if manifest is not None else ()
    return DeploymentFacts(
        view.pull.merge_commit_sha or view.pull.head_sha,
        reachable=True,
        revision=release.facts.revision,
        subjects=tuple(NamedDigest(artifact.name, artifact.sha256) for artifact in artifacts),
        seen_at=at,
    )
