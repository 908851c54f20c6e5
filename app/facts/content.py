"""Bytes of a repository at a commit. A commit never changes, so what was read once need not be read again."""

from __future__ import annotations

import asyncio

from cachetools import LRUCache

from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, UnavailableError
from integrations.github.port import ChangedFile, Commit, GitHub, Pull
from manifests import lfs
from manifests.canonical import sha256_hex

CACHE_BYTES = 64 * 1024 * 1024
MAX_FILE_BYTES = 100 * 1024 * 1024


class ListChangedError(UnavailableError):
    """A list of GitHub's is of another head or base than it was asked for; to be asked again."""


class FileDigest:
    """What a file at a commit is: its digest and, if it is a Git LFS pointer, what it points to."""

    __slots__ = ("pointer", "sha256", "size")

    def __init__(self, data: bytes) -> None:
        self.sha256 = sha256_hex(data)
        self.size = len(data)
        self.pointer = lfs.parse(data) if len(data) <= lfs.MAX_POINTER_BYTES else None


class RepositoryContent:
    """Cached reads of immutable content of all repositories; keys carry the repository's id."""

    def __init__(self) -> None:
        self._files: LRUCache[tuple[int, str, str], bytes | None] = LRUCache(
            CACHE_BYTES, getsizeof=lambda data: 200 + (len(data) if data else 0)
        )
        self._begun: dict[tuple[int, str, str], asyncio.Task[bytes | None]] = {}
        self._digests: LRUCache[tuple[int, str, str], FileDigest | None] = LRUCache(50_000)
        self._trees: LRUCache[tuple[int, str], str] = LRUCache(50_000)
        # By repository and number: the head and base that the list is of, and the list.
        self._pull_files: LRUCache[tuple[int, int], tuple[tuple[str, str], tuple[ChangedFile, ...]]] = LRUCache(5_000)
        self._pull_commits: LRUCache[tuple[int, int], tuple[tuple[str, str], tuple[Commit, ...]]] = LRUCache(5_000)

    async def file(
        self, github: GitHub, repository: tuple[int, str], path: str, commit: str, limit: int
    ) -> bytes | None:
        """Exact bytes, or None when there is no such file. Raises NeighbourError."""
        key = (repository[0], path, commit)
        if key in self._files:
            return self._files[key]
        begun = self._begun.get(key)
        early = await asyncio.shield(begun) if begun is not None else None
        if early is not None:
            return early
        try:
            data: bytes | None = await github.file(repository[1], path, commit, limit)
        except NotFoundError:
            data = None
        self._keep(key, data)
        return data

    def has_file(self, repository: tuple[int, str], path: str, commit: str) -> bool:
        """Whether reading it now takes no time."""
        return (repository[0], path, commit) in self._files

    def has_pull(self, repository: tuple[int, str], number: int, head: str, base: str) -> bool:
        """Whether reading its tree and commits now takes no time."""
        commits = self._pull_commits.get((repository[0], number))
        return (repository[0], head) in self._trees and commits is not None and commits[0] == (head, base)

    def begin(
        self, github: GitHub, repository: tuple[int, str], path: str, commit: str, limit: int
    ) -> asyncio.Task[bytes | None]:
        """Start reading a file that will be wanted soon; None where that fails.

        The commit may be a guess that GitHub's API does not know yet, so that nothing is there is not believed:
        ``file`` asks again.
        """
        key = (repository[0], path, commit)
        task = self._begun.get(key)
        if task is None:
            task = asyncio.ensure_future(self._early(github, repository, path, commit, limit))
            self._begun[key] = task
            task.add_done_callback(lambda _: self._begun.pop(key, None))
        return task

    async def _early(
        self, github: GitHub, repository: tuple[int, str], path: str, commit: str, limit: int
    ) -> bytes | None:
        key = (repository[0], path, commit)
        if key in self._files:
            return self._files[key]
        try:
            data = await github.file(repository[1], path, commit, limit)
        except NeighbourError:
            return None
        self._keep(key, data)
        return data

    def _keep(self, key: tuple[int, str, str], data: bytes | None) -> None:
        if data is None or len(data) < CACHE_BYTES // 16:
            self._files[key] = data

    async def digest(self, github: GitHub, repository: tuple[int, str], path: str, commit: str) -> FileDigest | None:
        """The digest of a file's exact bytes, or None when there is no such file. Raises NeighbourError."""
        key = (repository[0], path, commit)
        if key not in self._digests:
            data = await self.file(github, repository, path, commit, MAX_FILE_BYTES)
            self._digests[key] = None if data is None else FileDigest(data)
        return self._digests[key]

    async def tree(self, github: GitHub, repository: tuple[int, str], commit: str) -> str:
        key = (repository[0], commit)
        if key not in self._trees:
            self._trees[key] = await github.tree_sha(repository[1], commit)
        return self._trees[key]

    def forget_lists(self, repository_id: int, number: int) -> None:
        """Forget the files and commits of a pull request."""
        self._pull_files.pop((repository_id, number), None)
        self._pull_commits.pop((repository_id, number), None)

    async def pull_files(
        self, github: GitHub, repository: tuple[int, str], pull: Pull, tip: str
    ) -> tuple[ChangedFile, ...]:
        """GitHub lists the files of whatever head and base the pull request has at that moment, and whoever pushes or
        edits it quickly may pick another. So the list is held against what the head changed since it left ``tip``,
        the commit of the base. Raises ListChangedError when it hides something, and NeighbourError."""
        key, of = (repository[0], pull.number), (pull.head_sha, pull.base_sha)
        known = self._pull_files.get(key)
        if known is None or known[0] != of:
            files, between = await asyncio.gather(
                github.pull_files(repository[1], pull.number), _between(github, repository[1], pull, tip)
            )
            if between is None:
                await _expect_same(github, repository[1], pull)
            elif hidden := _paths(between) - _paths(files):
                raise ListChangedError(
                    f"expected {min(hidden)} among the files of #{pull.number}, found a list without"
                )
            known = self._pull_files[key] = (of, files)
        return known[1]

    async def pull_commits(self, github: GitHub, repository: tuple[int, str], pull: Pull) -> tuple[Commit, ...]:
        """Raises NeighbourError, also when the newest commit is not the head (GitHub's answer lags behind) or the pull
        request became another meanwhile."""
        key, of = (repository[0], pull.number), (pull.head_sha, pull.base_ref)
        known = self._pull_commits.get(key)
        if known is None or known[0] != of:
            commits = await github.pull_commits(repository[1], pull.number)
            if not any(commit.sha == pull.head_sha for commit in commits):
                raise NotFoundError(f"expected the commits up to {pull.head_sha}, found an older list")
            await _expect_same(github, repository[1], pull)
            known = self._pull_commits[key] = (of, commits)
        return known[1]


async def _between(github: GitHub, repository: str, pull: Pull, tip: str) -> tuple[ChangedFile, ...] | None:
    """None when GitHub cannot compare these commits, mostly because of too many files."""
    if pull.state != "open" or pull.merged:
        return ()
    try:
        return await github.changed_between(repository, tip, pull.head_sha)
    except (RateLimitedError, UnavailableError):
        raise
    except NeighbourError:
        return None


def _paths(files: tuple[ChangedFile, ...]) -> set[str]:
    return {path for file in files for path in (file.path, file.previous_path) if path}


async def _expect_same(github: GitHub, repository: str, pull: Pull) -> None:
    """What was just listed is of this head and base only if the pull request still has them."""
    now = await github.pull(repository, pull.number)
    if (now.head_sha, now.base_ref, now.base_sha) != (pull.head_sha, pull.base_ref, pull.base_sha):
        raise ListChangedError(
            f"expected {pull.head_sha} into {pull.base_ref}, found {now.head_sha} into {now.base_ref}: it just changed"
        )
