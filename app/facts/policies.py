"""The policies over a branch: the tenant's, and the repository's own as it stands at one commit of it."""

from __future__ import annotations

import asyncio

import msgspec
from cachetools import LRUCache

from app.facts.content import RepositoryContent
from app.facts.fresh import Seen
from app.facts.includes import Includes
from app.facts.reading import Reading
from app.pulls.store import Repository
from app.standing.versions import Version, Versions
from app.tenants.registry import Tenant
from gates.model import Policies
from integrations.errors import RefusedError
from integrations.github.port import GitHub
from manifests.canonical import sha256_hex
from manifests.errors import ManifestError
from manifests.policy import POLICY_PATH, Policy
from manifests.policy_parser import MAX_BYTES, parse_policy


class PolicyReader:
    """Reads the repository's policy at a commit, and says what keeps it from being used."""

    def __init__(self, content: RepositoryContent, reading: Reading, versions: Versions) -> None:
        self._content = content
        self._includes = Includes(content)
        self._reading = reading
        self._versions = versions
        self._proposed: LRUCache[tuple[str, str], Policy] = LRUCache(20)

    async def read(
        self, tenant: Tenant, github: GitHub, repository: Repository, base_ref: str, tip: Seen[str]
    ) -> tuple[Policies, bytes | None]:
        """The policies over a branch whose newest commit is ``tip``, and the bytes of the repository's own. Raises
        NeighbourError."""
        found = Policies(tenant.policy, None, tip.value, seen_at=tip.at)
        try:
            text = await self._content.file(github, (repository.id, repository.name), POLICY_PATH, tip.value, MAX_BYTES)
        except RefusedError as error:
            return msgspec.structs.replace(found, problem=f"{POLICY_PATH} on {base_ref}: {error}"), None
        if text is None:
            return msgspec.structs.replace(found, problem=f"There is no {POLICY_PATH} on {base_ref}."), None
        version = Version(repository, base_ref, tip.value, sha256_hex(text))
        unreleased = await self._versions.unreleased(tenant.id, version)
        found = msgspec.structs.replace(found, unreleased=unreleased)
        try:
            policy = await self.parse(tenant, github, repository, text, tip.value)
        except ManifestError as error:
            return msgspec.structs.replace(found, problem=f"{POLICY_PATH} on {base_ref}: {error}"), text
        return msgspec.structs.replace(found, repository=policy), text

    async def proposed(
        self, tenant: Tenant, github: GitHub, repository: Repository, text: bytes, tip: Seen[str]
    ) -> Policies:
        """The policies over a branch if these bytes were the repository's own there, and counted. Raises ManifestError,
        NeighbourError."""
        key = (tenant.id, sha256_hex(text))
        policy = self._proposed.get(key)
        if policy is None:
            included = await self.included(github, repository, text, tip.value)
            # Whoever proposes it is not trusted with the time that reading takes.
            policy = await asyncio.to_thread(parse_policy, text, POLICY_PATH, tenant.policy.groups, included)
            self._proposed[key] = policy
        return Policies(tenant.policy, policy, tip.value, seen_at=tip.at)

    async def parse(self, tenant: Tenant, github: GitHub, repository: Repository, text: bytes, commit: str) -> Policy:
        """The policy that these bytes are at a commit, with what it includes. Raises ManifestError, NeighbourError."""
        included = await self.included(github, repository, text, commit)
        return self._reading.policy(text, POLICY_PATH, tenant.policy.groups, included)

    async def included(self, github: GitHub, repository: Repository, text: bytes, commit: str) -> dict[str, bytes]:
        """What a policy with these bytes includes at a commit, by the digest that it names. Raises NeighbourError."""
        return await self._includes.read(github, repository, commit, text, POLICY_PATH)
