"""Reads the facts of a pull request from GitHub, as few calls and as much at once as possible."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Mapping, Sequence

import msgspec

from app.clock import Clock
from app.facts import documents
from app.facts.ahead import Ahead, expected_head
from app.facts.artifacts import Artifacts
from app.facts.content import ListChangedError, RepositoryContent
from app.facts.contributors import Trace, contributors, traces
from app.facts.documents import LINEAGE, ReadDocument
from app.facts.fresh import FreshCache, Seen
from app.facts.group_source import Scope
from app.facts.policies import PolicyReader
from app.facts.reading import Reading
from app.facts.view import PullView, ReleaseView
from app.pulls.store import ARRIVED, LEFT, Head, Repository
from app.standing.versions import Versions
from app.tenants.registry import Tenant
from gates.glob import matches
from gates.model import Contributors, Policies, PullFacts, ReleaseFacts, SignedDocument
from gates.rule import effective_rule
from gates.terms import EffectiveRule
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, RefusedError, UnavailableError
from integrations.github.port import Account, GitHub, Pull
from manifests.canonical import sha256_hex
from manifests.errors import ManifestError, Problem
from manifests.policy import POLICY_PATH
from manifests.release import SCHEMA, Artifact, Release
from manifests.release_parser import MAX_BYTES as MAX_RELEASE_BYTES
from manifests.release_parser import referenced_paths
from manifests.revision import revision

MAX_CHANGED_FILES = 3000
MAX_DOCUMENT_BYTES = 10 * 1024 * 1024
BRANCH_AGE_S = 15
PULL_AGE_S = 15
REACHABLE_AGE_S = 15
POLICY_ENVIRONMENT = "policy"
HIDDEN = "(more files than GitHub shows)"
"""Stands for the releases that may be among the files that GitHub does not list."""


class LaggingError(UnavailableError):
    """GitHub's API still shows an older state than its own webhooks told; asked again shortly."""


class Gatherer:
    """Shared by all workers: holds what may be remembered of GitHub."""

    def __init__(self, content: RepositoryContent, artifacts: Artifacts, versions: Versions, clock: Clock) -> None:
        self.content = content
        self._artifacts = artifacts
        self._clock = clock
        self._reading = Reading()
        self._policies = PolicyReader(content, self._reading, versions)
        self._ahead = Ahead(content, self._reading)
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

    async def branch(self, github: GitHub, repository: Repository, ref: str) -> Seen[str]:
        return await self._branches.read((repository.id, ref), lambda: github.branch_sha(repository.name, ref))

    async def reachable(self, github: GitHub, repository: Repository, commit: str, ref: str) -> Seen[bool]:
        """Whether the base ref contains the commit."""
        return await self._reachable.read(
            (repository.id, commit, ref), lambda: github.contains(repository.name, commit, ref)
        )

    async def view(
        self, tenant: Tenant, github: GitHub, repository: Repository, number: int, heads: Sequence[Head],
        proposed: Mapping[str, int], base_ref: str = "", proposed_into: str = "",
    ) -> PullView:  # fmt: skip
        """``proposed`` says when releases already known were first seen, by path, for the base ``proposed_into``:
        into another base they are proposed anew, under another policy and to other groups. ``base_ref`` is a guess
        that saves waiting when it is right. Raises NeighbourError."""
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
        facts = PullFacts(
            repository.id, repository.name, number, "merged" if pull.merged else pull.state, pull.draft, pull.base_ref,
            pull.head_sha, seen.at, problem=_foreign(pull, repository),
        )  # fmt: skip
        ahead = self._ahead.pull(github, key, pull) if proposed else None
        (policies, policy_text), paths = await asyncio.gather(
            self.policies(tenant, github, repository, pull.base_ref),
            self._manifest_paths(tenant, github, repository, pull),
        )
        if paths:
            self._ahead.releases(github, key, [path for path in paths if path != HIDDEN], pull.head_sha)
            ahead = ahead or self._ahead.pull(github, key, pull)
        if ahead is not None:
            await ahead
        releases = [
            await self._release(tenant, github, repository, pull, facts, policies, heads, path, proposed)
            for path in paths
        ]
        tree = await self.content.tree(github, key, pull.head_sha) if releases else ""
        return PullView(pull, facts, tree, policies, policy_text, tuple(releases), seen.at)

    async def revision_at(self, github: GitHub, repository: Repository, path: str, commit: str) -> str:
        """The revision of a release at any commit; empty when it is not there or unreadable."""
        key = (repository.id, repository.name)
        try:
            text = await self.content.file(github, key, path, commit, MAX_RELEASE_BYTES)
        except RefusedError:
            return ""
        if text is None:
            return ""
        if path == POLICY_PATH:
            return revision({path: sha256_hex(text)})
        try:
            release = self._reading.release(text, path)
        except ManifestError:
            return ""
        return (await self._revision(github, key, path, text, release, commit))[0]

    async def policies(
        self, tenant: Tenant, github: GitHub, repository: Repository, base_ref: str
    ) -> tuple[Policies, bytes | None]:
        """The policies over a branch, and the bytes of the repository's own. Raises NeighbourError."""
        tip = await self.branch(github, repository, base_ref)
        return await self._policies.read(tenant, github, repository, base_ref, tip)

    async def _manifest_paths(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull
    ) -> tuple[str, ...]:
        """Manifests that the pull request changes, or whose folder it changes something in."""
        key = (repository.id, repository.name)
        tip = await self.branch(github, repository, pull.base_ref)
        try:
            files = await self.content.pull_files(github, key, pull, tip.value)
        except ListChangedError:
            self.forget_branch(repository.id, pull.base_ref)
            raise
        glob = tenant.policy.release_glob
        changed = {path for file in files for path in (file.path, file.previous_path) if path}
        found = {path for path in changed if matches(glob, path)}
        for path in _neighbours(changed, posixpath.basename(glob)) - found:
            if matches(glob, path) and await self._is_there(github, key, path, pull.head_sha):
                found.add(path)
        if POLICY_PATH in changed:
            found.add(POLICY_PATH)
        if len(files) >= MAX_CHANGED_FILES:
            found.add(HIDDEN)
        return tuple(sorted(found))

    async def _is_there(self, github: GitHub, key: tuple[int, str], path: str, commit: str) -> bool:
        try:
            return await self.content.file(github, key, path, commit, MAX_RELEASE_BYTES) is not None
        except RefusedError:
            return True

    async def _release(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull, facts: PullFacts, policies: Policies,
        heads: Sequence[Head], path: str, proposed: Mapping[str, int],
    ) -> ReleaseView:  # fmt: skip
        key = (repository.id, repository.name)
        now = self._clock()
        text, manifest, problems = await self._manifest(github, key, path, pull, policies)
        release = ReleaseFacts(path, manifest, "", proposed.get(path, now), problems)
        if manifest is None or text is None:
            who = await self._contributors(tenant, github, repository, pull, heads, ())
            return ReleaseView(release, who, sources=(text,) if text else ())
        digest, missing = await self._revision(github, key, path, text, manifest, pull.head_sha)
        release = msgspec.structs.replace(release, revision=digest, problems=missing)
        sources, read = await self._documents(tenant, github, key, pull.head_sha, path, manifest, policies)
        who = await self._contributors(tenant, github, repository, pull, heads, read)
        holders = await tenant.people.key_holders({key for document in read for key in document.facts.signers})
        signed = [await self._with_people(tenant, github, policies, document.facts, holders) for document in read]
        lineage = next((document for document in signed if document.type == LINEAGE), None)
        found = await self._artifacts.find(github, key, pull.head_sha, path, manifest, lineage)
        rules = {name: effective_rule(policies, release, facts, name) for name in manifest.environments}
        scope = Scope(github, repository.id, repository.name, policies.commit, (), self.content)
        groups = {
            name: await tenant.groups.read(scope, [(group.name, group.definition) for group in rule.groups])
            for name, rule in rules.items()
            if isinstance(rule, EffectiveRule)
        }
        evidence = tuple(document for document in signed if document.type != LINEAGE)
        # A new release is proposed once its groups have been seen: who is a member by then was one before.
        release = msgspec.structs.replace(release, proposed_at=proposed.get(path) or self._clock())
        return ReleaseView(release, who, found, lineage, evidence, rules, groups, (text, *sources))

    async def _manifest(
        self, github: GitHub, key: tuple[int, str], path: str, pull: Pull, policies: Policies
    ) -> tuple[bytes | None, Release | None, tuple[Problem, ...]]:
        """The bytes of the manifest at the head, and what they say or what is wrong with them."""
        if path == HIDDEN:
            return None, None, (_HIDDEN_PROBLEM,)
        try:
            text = await self.content.file(github, key, path, pull.head_sha, MAX_RELEASE_BYTES)
        except RefusedError as error:
            problem = Problem("release.unreadable", f"{path} cannot be read: {error}", "Make it a small file.", path)
            return None, None, (problem,)
        return text, *_parsed(self._reading, text, path, pull, policies)

    async def _revision(
        self, github: GitHub, key: tuple[int, str], path: str, text: bytes, release: Release, commit: str
    ) -> tuple[str, tuple[Problem, ...]]:
        """The revision, or an empty one with the files that cannot be read: nobody can consent to those."""
        digests = {path: sha256_hex(text)}
        problems = []
        for named in referenced_paths(release, path) if path != POLICY_PATH else ():
            try:
                found = await self.content.digest(github, key, named, commit)
            except RefusedError as error:
                problems.append(_unreadable(path, named, str(error)))
                continue
            if found is None:
                problems.append(_unreadable(path, named, "there is no such file at this commit"))
            else:
                digests[named] = found.sha256
        return ("" if problems else revision(digests)), tuple(problems)

    async def _documents(
        self, tenant: Tenant, github: GitHub, key: tuple[int, str], commit: str, path: str, release: Release,
        policies: Policies,
    ) -> tuple[tuple[bytes, ...], tuple[ReadDocument, ...]]:  # fmt: skip
        trusted = documents.trusted_keys(tenant.policy, policies.repository)
        folder = posixpath.dirname(path)
        named = [(LINEAGE, release.lineage)] if release.lineage else []
        named += [(reference.type, reference.path) for reference in release.evidence]
        sources: list[bytes] = []
        read: list[ReadDocument] = []
        for type, relative in named:
            where = posixpath.normpath(posixpath.join(folder, relative))
            fault = ""
            try:
                data = await self.content.file(github, key, where, commit, MAX_DOCUMENT_BYTES)
            except RefusedError as error:
                data, fault = None, f"{where} cannot be read: {error}"
            read.append(self._reading.document(data, where, type, trusted, fault))
            if data is not None:
                sources.append(data)
        return tuple(sources), tuple(read)

    async def _contributors(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull, heads: Sequence[Head],
        read: Sequence[ReadDocument],
    ) -> Contributors:  # fmt: skip
        key = (repository.id, repository.name)
        asked_at = self._clock()
        try:
            commits = await self.content.pull_commits(github, key, pull)
            found = list(traces(pull, commits, heads, read))
        except (NotFoundError, RateLimitedError, UnavailableError):
            raise
        except NeighbourError as error:
            found = [
                *traces(pull, (), heads, read),
                Trace("author", "", unknown=f"The commits cannot be read: {error}."),
            ]
        named: list[Account] = []
        for login in sorted({login for document in read for login in document.named_people}):
            try:
                named.append(await github.account(login))
            except NotFoundError:
                unknown = f"The lineage or evidence names {login!r}, which is no GitHub account."
                found.append(Trace("evidence", "", unknown=unknown))
        return await contributors(tenant.people, found, named, asked_at)

    async def _with_people(
        self, tenant: Tenant, github: GitHub, policies: Policies, document: SignedDocument, holders: Mapping[str, str]
    ) -> SignedDocument:
        """Add the persons who are known to hold a key that signed the document."""
        trusted = documents.trusted_keys(tenant.policy, policies.repository)
        logins = {signer.person for signer in trusted if signer.person and signer.key in document.signers}
        accounts = [await github.account(login) for login in sorted(logins)]
        people = {known.person for known in (await tenant.people.persons(accounts)).values()}
        people |= {holders[key] for key in document.signers if key in holders}
        return msgspec.structs.replace(document, signer_people=tuple(sorted(people)))


_HIDDEN_PROBLEM = Problem(
    "release.too_many_files",
    f"The pull request changes {MAX_CHANGED_FILES} files or more, and GitHub hides the rest.",
    "Split the pull request.",
)


def _unreadable(path: str, named: str, why: str) -> Problem:
    return Problem(
        "release.file_unreadable", f"{named}, which {path} names, cannot be read: {why}.",
        "Commit the file, or correct the name in the manifest.", path,
    )  # fmt: skip


def _parsed(
    reading: Reading, text: bytes | None, path: str, pull: Pull, policies: Policies
) -> tuple[Release | None, tuple[Problem, ...]]:
    if text is None:
        problem = Problem(
            "release.removed", f"{path} is removed by this pull request.",
            "Leave it in place: a release that went live is history.", path,
        )  # fmt: skip
        return None, (problem,)
    try:
        if path == POLICY_PATH:
            reading.policy(text, path, policies.tenant.groups if policies.tenant else ())
            return _policy_release(text, pull), ()
        return reading.release(text, path), ()
    except ManifestError as error:
        return None, error.problems


def _policy_release(text: bytes, pull: Pull) -> Release:
    """A changed policy is a release too: of the policy file, into the environment ``policy``."""
    digest = sha256_hex(text)
    return Release(
        SCHEMA, "policy", "countersign-policy", digest[:12], pull.title, (POLICY_ENVIRONMENT,),
        (Artifact("countersign.yaml", digest, len(text), posixpath.basename(POLICY_PATH)),),
    )  # fmt: skip


def _neighbours(changed: set[str], name: str) -> set[str]:
    """A manifest of this name in the folder of each path and in every folder above."""
    found: set[str] = set()
    for path in changed:
        folder = posixpath.dirname(path)
        while folder:
            found.add(posixpath.join(folder, name))
            folder = posixpath.dirname(folder)
    return found


def _expect_current(pull: Pull, heads: Sequence[Head]) -> None:
    """GitHub's API lags behind its webhooks: never judge a head that we know was left for another."""
    arrived = {head.sha for head in heads if head.event == ARRIVED}
    left = {head.sha for head in heads if head.event == LEFT}
    if pull.state == "open" and pull.head_sha in left and arrived - left and pull.head_sha not in arrived - left:
        raise LaggingError(f"expected a head among {sorted(arrived - left)}, found {pull.head_sha}, which was left")


def _foreign(pull: Pull, repository: Repository) -> str:
    if pull.base_repository_id != repository.id:
        return f"The pull request belongs to repository {pull.base_repository_id}, not to {repository.id}."
    return ""
