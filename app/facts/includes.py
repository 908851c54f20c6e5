"""The files that policies include: exactly the bytes whose digest the policy names, wherever they were found."""

from __future__ import annotations

import asyncio

from cachetools import LRUCache

from app.facts.content import RepositoryContent
from app.pulls.store import Repository
from integrations.errors import NotFoundError, RefusedError
from integrations.github.port import GitHub
from manifests.canonical import sha256_hex
from manifests.policy import Include
from manifests.policy_parser_include import MAX_BYTES, includes_of

CACHE_BYTES = 16 * 1024 * 1024


class Includes:
    """Read with the rights of the installation that the including repository belongs to, and kept by tenant and
    digest: what is there already need not be where it was."""

    def __init__(self, content: RepositoryContent) -> None:
        self._content = content
        self._known: LRUCache[tuple[str, str], bytes] = LRUCache(CACHE_BYTES, getsizeof=len)

    async def read(
        self, github: GitHub, repository: Repository, commit: str, text: bytes, path: str
    ) -> dict[str, bytes]:
        """What a policy at a commit includes, by the digest that it names. What cannot be had is left out, what has
        another digest is handed on as it is: the parser says so at its place. Raises NeighbourError."""
        wanted = includes_of(text, path)
        found = await asyncio.gather(*(self._one(github, repository, commit, include) for include in wanted))
        return {include.sha256: data for include, data in zip(wanted, found, strict=True) if data is not None}

    async def _one(self, github: GitHub, repository: Repository, commit: str, include: Include) -> bytes | None:
        known = self._known.get((repository.tenant, include.sha256))
        if known is not None:
            return known
        own = include.repository is None or include.repository.casefold() == repository.name.casefold()
        try:
            if own and include.ref is None:
                key = (repository.id, repository.name)
                data = await self._content.file(github, key, include.path, commit, MAX_BYTES)
            else:
                # A branch or tag may move, so that only the digest is remembered.
                name, ref = include.repository or repository.name, include.ref or commit
                data = await github.file(name, include.path, ref, MAX_BYTES)
        except (NotFoundError, RefusedError):
            return None
        if data is not None and sha256_hex(data) == include.sha256:
            self._known[repository.tenant, include.sha256] = data
            return data
        # Of another repository, that may be none of the reader's, not even is it told that there is a file.
        return data if own else None
