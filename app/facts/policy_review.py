"""A policy that a pull request proposes: is it sound, what does it change, do its tests come out as expected."""

from __future__ import annotations

import msgspec
from cachetools import LRUCache

from app.facts.content import RepositoryContent
from app.facts.policies import PolicyReader
from app.facts.view import PolicyReview
from app.policy.child import Proposed, Trying
from app.policy.suites import DEFAULT
from app.policy.trial import is_tests
from app.policy.words import MAX_BYTES as MAX_TEST_BYTES
from app.pulls.store import Repository
from app.tenants.registry import Tenant
from gates.model import Policies
from integrations.errors import RefusedError
from integrations.github.port import GitHub, Pull
from manifests.canonical import sha256_hex
from manifests.errors import Problem
from manifests.policy import POLICY_PATH
from manifests.policy_parser import MAX_BYTES

MAX_TEST_FILES = 5
TRIAL_S = 10.0
"""Seconds of computing. A trial that takes longer is broken off, and says so."""


class PolicyReviewer:
    """Remembers what came of a head: the same bytes always come out the same."""

    def __init__(self, content: RepositoryContent, policies: PolicyReader) -> None:
        self._content = content
        self._policies = policies
        self._try = Trying()
        self._known: LRUCache[tuple[str, int, str, str, str, str], PolicyReview] = LRUCache(200)

    async def review(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull, text: bytes, over: Policies
    ) -> PolicyReview:
        """Of the policy ``text`` at the head, beside the policies ``over`` its base. Raises NeighbourError."""
        key = (tenant.id, repository.id, pull.head_sha, pull.base_ref, over.commit, over.unreleased)
        known = self._known.get(key)
        if known is None:
            known, lasting = await self._reviewed(tenant, github, repository, pull, text, over)
            if lasting:
                self._known[key] = known
        merged = await self._merged(github, repository, pull) if pull.merged else ""
        return msgspec.structs.replace(known, merged=merged)

    async def _reviewed(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull, text: bytes, over: Policies
    ) -> tuple[PolicyReview, bool]:
        """Also whether the same would come out the next time."""
        included = await self._policies.included(github, repository, text, pull.head_sha)
        try:
            files = await self._tests(github, repository, pull.head_sha)
        except RefusedError as error:
            unread = Problem(
                "policy.tests_unreadable", f"The policy's tests cannot be read: {error}.", "Make them less."
            )
            return PolicyReview((unread,)), True
        counting = over.repository if not (over.problem or over.unreleased) else None
        found = await self._try(
            Proposed(text, included, files, tenant.policy, counting, repository.name, pull.base_ref, TRIAL_S)
        )
        return PolicyReview(found.problems, found.changes, found.files, found.cases), found.lasting

    async def _tests(self, github: GitHub, repository: Repository, commit: str) -> dict[str, bytes]:
        """The files of tests at a commit, by path. Raises RefusedError where they are too many or too large."""
        key = (repository.id, repository.name)
        entries = await github.tree_entries(repository.name, await self._content.tree(github, key, commit))
        paths = [entry.path for entry in entries] if entries is not None else [str(DEFAULT)]
        found = sorted(path for path in paths if is_tests(path))
        if len(found) > MAX_TEST_FILES:
            raise RefusedError(f"expected at most {MAX_TEST_FILES} files of tests beside it, found {len(found)}")
        read = {path: await self._content.file(github, key, path, commit, MAX_TEST_BYTES) for path in found}
        return {path: data for path, data in read.items() if data is not None}

    async def _merged(self, github: GitHub, repository: Repository, pull: Pull) -> str:
        if not pull.merge_commit_sha:
            return ""
        key = (repository.id, repository.name)
        try:
            text = await self._content.file(github, key, POLICY_PATH, pull.merge_commit_sha, MAX_BYTES)
        except RefusedError:
            return ""
        return "" if text is None else sha256_hex(text)
