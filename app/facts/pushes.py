"""What differs between two heads: their whole trees, compared. Trees never change, so each is listed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cachetools import LRUCache

from app.facts.content import RepositoryContent
from gates.model import Push
from integrations.errors import NeighbourError, RateLimitedError, UnavailableError
from integrations.github.port import GitHub

ENTRIES_KEPT = 500_000

Files = Mapping[str, tuple[str, str]]
"""Mode and object id by path."""


class Pushes:
    def __init__(self, content: RepositoryContent) -> None:
        self._content = content
        self._trees: LRUCache[tuple[int, str], Files] = LRUCache(ENTRIES_KEPT, getsizeof=lambda files: 1 + len(files))

    async def between(
        self, github: GitHub, repository: tuple[int, str], pairs: Iterable[tuple[str, str]]
    ) -> tuple[Push, ...]:
        """What differs between each two heads, sorted. Raises RateLimitedError and UnavailableError."""
        return tuple([await self._push(github, repository, sha, to) for sha, to in sorted(set(pairs))])

    async def _push(self, github: GitHub, repository: tuple[int, str], sha: str, to: str) -> Push:
        try:
            return Push(sha, to, await self._changed(github, repository, sha, to))
        except (RateLimitedError, UnavailableError):
            raise
        except NeighbourError:
            # A commit that a force-push left behind may be gone.
            return Push(sha, to)

    async def _changed(self, github: GitHub, repository: tuple[int, str], sha: str, to: str) -> tuple[str, ...] | None:
        one, other = [await self._content.tree(github, repository, commit) for commit in (sha, to)]
        if one == other:
            return ()
        before = await self._files(github, repository, one)
        after = await self._files(github, repository, other)
        if before is None or after is None:
            return None
        return tuple(sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)))

    async def _files(self, github: GitHub, repository: tuple[int, str], tree: str) -> Files | None:
        key = (repository[0], tree)
        if key not in self._trees:
            entries = await github.tree_entries(repository[1], tree)
            if entries is None:
                return None
            files = {entry.path: (entry.mode, entry.sha) for entry in entries}
            if len(files) >= ENTRIES_KEPT:
                return files
            self._trees[key] = files
        return self._trees[key]
