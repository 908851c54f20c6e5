"""Reads the facts of a pull request from GitHub, as few calls and as much at once as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from app.clock import Clock
from app.facts import documents
from app.facts.ahead import Ahead, expected_head
from app.facts.artifacts import Artifacts
from app.facts.attached import Attached
from app.facts.behind import Behind
from app.facts.checks import Checks
from app.facts.content import ListChangedError, RepositoryContent
from app.facts.documents import LINEAGE
from app.facts.fresh import FreshCache, Seen
from app.facts.group_source import Scope
from app.facts.policies import PolicyReader
from app.facts.policy_review import PolicyReviewer
from app.facts.pull_facts import arrived_at, pull_facts
from app.facts.pushes import Pushes
from app.facts.reading import Reading
from app.facts.release_files import HIDDEN, ReleaseFiles, owned_paths
from app.facts.terms import terms
from app.facts.view import PullView, ReleaseView
from app.pulls.store import ARRIVED, LEFT, Head, Repository
from app.standing.versions import Versions
from app.tenants.registry import Tenant
from gates.model import ChecksFacts, GroupFacts, Policies, PullFacts, Push, ReleaseFacts, Snapshot
from gates.terms import EffectiveRule, NoRule
from integrations.errors import UnavailableError
from integrations.github.port import ChangedFile, GitHub, Pull
from manifests.policy import POLICY_PATH

BRANCH_AGE_S = 15
PULL_AGE_S = 15
REACHABLE_AGE_S = 15


class LaggingError(UnavailableError):
    """GitHub's API still shows an older state than its own webhooks told; asked again shortly."""


class Gatherer:
    """Shared by all workers: holds what may be remembered of GitHub."""

    def __init__(self, content: RepositoryContent, artifacts: Artifacts, versions: Versions, clock: Clock) -> None:
        self.content = content
        self._artifacts = artifacts
        self._clock = clock
        reading = Reading()
        self._policies = PolicyReader(content, reading, versions)
        self._reviewer = PolicyReviewer(content, self._policies)
        self._ahead = Ahead(content, reading)
        self._files = ReleaseFiles(content, reading)
        self._attached = Attached(content, reading)
        self._behind = Behind(content, clock)
        self._pushes = Pushes(content)
        self._checks = Checks(clock)
        self._branches: FreshCache[str] = FreshCache(clock, BRANCH_AGE_S)
        self._pulls: FreshCache[Pull] = FreshCache(clock, PULL_AGE_S)
        self._reachable: FreshCache[bool] = FreshCache(clock, REACHABLE_AGE_S)

    def forget_branch(self, repository_id: int, ref: str) -> None:
        self._branches.forget((repository_id, ref))

    def forget_pull(self, repository_id: int, number: int) -> None:
        self._pulls.forget((repository_id, number))

    def forget_lists(self, repository_id: int, number: int) -> None:
        """The head or base of a pull request moved, perhaps while its files and commits were listed."""
        self.content.forget_lists(repository_id, number)

    def forget_pulls(self, repository_id: int) -> None:
        self._pulls.forget_where(lambda key: isinstance(key, tuple) and key[0] == repository_id)

    def forget_commit(self, repository_id: int, commit: str) -> None:
        """Whether a branch contains it may have changed."""
        self._reachable.forget_where(lambda key: isinstance(key, tuple) and key[:2] == (repository_id, commit))

    def forget_checks(self, repository_id: int, commit: str) -> None:
        """Another App reported something of this commit."""
        self._checks.forget(repository_id, commit)

    async def branch(self, github: GitHub, repository: Repository, ref: str) -> Seen[str]:
        return await self._branches.read((repository.id, ref), lambda: github.branch_sha(repository.name, ref))

    async def reachable(self, github: GitHub, repository: Repository, commit: str, ref: str) -> Seen[bool]:
        """Whether the base ref contains the commit."""
        return await self._reachable.read(
            (repository.id, commit, ref), lambda: github.contains(repository.name, commit, ref)
        )

    async def pushes(
        self, github: GitHub, repository: Repository, pairs: Iterable[tuple[str, str]]
    ) -> tuple[Push, ...]:
        """What differs between each two heads (from, to). Raises RateLimitedError and UnavailableError."""
        return await self._pushes.between(github, (repository.id, repository.name), pairs)

    async def view(
        self, tenant: Tenant, github: GitHub, repository: Repository, number: int, heads: Sequence[Head],
        proposed: Mapping[str, int], base_ref: str = "", proposed_into: str = "", under: Policies | None = None,
    ) -> PullView:  # fmt: skip
        """``proposed`` says when releases already known were first seen, by path, for the base ``proposed_into``:
        into another base they are proposed anew, under another policy and to other groups. ``base_ref`` is a guess
        that saves waiting when it is right. ``under`` takes the place of the policies over the base, to see what would
        be under others. Raises NeighbourError."""
        if base_ref:
            branch = asyncio.ensure_future(self.branch(github, repository, base_ref))
            branch.add_done_callback(lambda done: done.cancelled() or done.exception())
        key, expected = (repository.id, repository.name), expected_head(heads)
        if expected:
            self._ahead.releases(github, key, [path for path in proposed if path != HIDDEN], expected)
        seen = await self._pulls.read((repository.id, number), lambda: github.pull(repository.name, number))
        pull = seen.value
        _expect_current(pull, heads)
        proposed = {} if proposed_into and proposed_into != pull.base_ref else proposed
        ahead = self._ahead.pull(github, key, pull) if proposed else None
        (policies, policy_text), (paths, files) = await asyncio.gather(
            self.policies(tenant, github, repository, pull.base_ref),
            self._manifest_paths(tenant, github, repository, pull),
        )
        if under is not None:
            policies = under
        if paths:
            self._ahead.releases(github, key, [path for path in paths if path != HIDDEN], pull.head_sha)
            ahead = ahead or self._ahead.pull(github, key, pull)
        if ahead is not None:
            await ahead
        facts = pull_facts(pull, repository, seen.at, policies, files)
        releases = [
            await self._release(tenant, github, repository, pull, facts, policies, files, heads, path, proposed)
            for path in paths
        ]
        tree = await self.content.tree(github, key, pull.head_sha) if releases else ""
        asked = any(release.asks_checks(name) for release in releases for name in release.rules)
        checks = await self._checks.read(github, repository, pull.head_sha) if asked else None
        return PullView(pull, facts, tree, policies, policy_text, tuple(releases), seen.at, checks)

    async def revision_at(self, github: GitHub, repository: Repository, path: str, commit: str) -> str:
        """The revision of a release at any commit; empty when it is not there or unreadable."""
        return await self._files.revision_at(github, (repository.id, repository.name), path, commit)

    async def policies(
        self, tenant: Tenant, github: GitHub, repository: Repository, base_ref: str
    ) -> tuple[Policies, bytes | None]:
        """The policies over a branch, and the bytes of the repository's own. Raises NeighbourError."""
        started = self._clock()
        tip = await self.branch(github, repository, base_ref)
        found = await self._policies.read(tenant, github, repository, base_ref, tip)
        if not found[0].unreleased or tip.at >= started:
            return found
        # It may have counted when the branch was looked at, and another version have come since.
        self.forget_branch(repository.id, base_ref)
        return await self._policies.read(
            tenant, github, repository, base_ref, await self.branch(github, repository, base_ref)
        )

    async def proposed(
        self, tenant: Tenant, github: GitHub, repository: Repository, base_ref: str, text: bytes
    ) -> Policies:
        """The policies over a branch if these bytes were the repository's own there. Raises ManifestError,
        NeighbourError."""
        tip = await self.branch(github, repository, base_ref)
        return await self._policies.proposed(tenant, github, repository, text, tip)

    async def terms(
        self, tenant: Tenant, github: GitHub, view: PullView, snapshot: Snapshot
    ) -> tuple[dict[str, EffectiveRule | NoRule], dict[str, tuple[GroupFacts, ...]]]:
        """The rules and groups of a release of ``view`` as the snapshot has it. Raises NeighbourError."""
        facts, release = snapshot.pull, snapshot.release
        key = (facts.repository_id, facts.repository)
        files = await self.content.pull_files(github, key, view.pull, view.policies.commit)
        owned = owned_paths(release.manifest, release.manifest_path, files) if release.manifest else ()
        scope = Scope(github, *key, view.policies.commit, owned, self.content)
        return await terms(tenant, scope, view.policies, release, facts, snapshot.contributors)

    async def checks(self, github: GitHub, repository: Repository, sha: str) -> ChecksFacts:
        """The checks of other Apps at a commit. Raises RateLimitedError and UnavailableError."""
        return await self._checks.read(github, repository, sha)

    async def _manifest_paths(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull
    ) -> tuple[tuple[str, ...], tuple[ChangedFile, ...]]:
        """Manifests that the pull request changes or whose folder it changes something in, and all that it changes."""
        key = (repository.id, repository.name)
        tip = await self.branch(github, repository, pull.base_ref)
        try:
            files = await self.content.pull_files(github, key, pull, tip.value)
        except ListChangedError:
            self.forget_branch(repository.id, pull.base_ref)
            raise
        return await self._files.paths(github, key, tenant.policy.release_glob, pull.head_sha, files), files

    async def _release(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull, facts: PullFacts, policies: Policies,
        files: Sequence[ChangedFile], heads: Sequence[Head], path: str, proposed: Mapping[str, int],
    ) -> ReleaseView:  # fmt: skip
        key = (repository.id, repository.name)
        now = self._clock()
        text, manifest, problems = await self._files.manifest(github, key, path, pull)
        since = arrived_at(heads, pull.head_sha)
        release = ReleaseFacts(path, manifest, "", proposed.get(path, now), problems, head_since=since)
        if manifest is None or text is None:
            who = await self._behind.contributors(tenant, github, repository, pull, heads, ())
            return ReleaseView(release, who, sources=(text,) if text else ())
        digest, missing = await self._files.revision(github, key, path, text, manifest, pull.head_sha)
        review = None
        if path == POLICY_PATH:
            review = await self._reviewer.review(tenant, github, repository, pull, text, policies)
            missing = (*missing, *review.problems)
        release = msgspec.structs.replace(release, revision=digest, problems=missing)
        trusted = documents.trusted_keys(tenant.policy, policies.repository)
        compared = documents.compared_fields(tenant.policy, policies.repository)
        sources, read = await self._attached.read(github, key, pull.head_sha, path, manifest, trusted, compared)
        who = await self._behind.contributors(tenant, github, repository, pull, heads, read)
        signed = await self._behind.signed(tenant, github, policies, read)
        lineage = next((document for document in signed if document.type == LINEAGE), None)
        found = await self._artifacts.find(github, key, pull.head_sha, path, manifest, lineage)
        owned = owned_paths(manifest, path, files)
        scope = Scope(github, repository.id, repository.name, policies.commit, owned, self.content)
        rules, groups = await terms(tenant, scope, policies, release, facts, who)
        evidence = tuple(document for document in signed if document.type != LINEAGE)
        # A new release is proposed once its groups have been seen: who is a member by then was one before.
        release = msgspec.structs.replace(release, proposed_at=proposed.get(path) or self._clock())
        return ReleaseView(release, who, found, lineage, evidence, rules, groups, (text, *sources), review)


def _expect_current(pull: Pull, heads: Sequence[Head]) -> None:
    """GitHub's API lags behind its webhooks: never judge a head that we know was left for another."""
    arrived = {head.sha for head in heads if head.event == ARRIVED}
    left = {head.sha for head in heads if head.event == LEFT}
    if pull.state == "open" and pull.head_sha in left and arrived - left and pull.head_sha not in arrived - left:
        raise LaggingError(f"expected a head among {sorted(arrived - left)}, found {pull.head_sha}, which was left")
