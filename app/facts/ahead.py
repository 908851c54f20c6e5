"""Starts to read what a pull request will need, so that GitHub is asked beside waiting for GitHub."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from app.facts.content import MAX_FILE_BYTES, RepositoryContent
from app.facts.reading import Reading
from app.pulls.store import ARRIVED, LEFT, Head
from integrations.github.port import GitHub, Pull
from manifests.errors import ManifestError
from manifests.policy import POLICY_PATH
from manifests.release_parser import MAX_BYTES as MAX_RELEASE_BYTES
from manifests.release_parser import referenced_paths


def expected_head(heads: Sequence[Head]) -> str:
    """The head that arrived last and was not seen to leave; empty when there is none."""
    left = {head.sha for head in heads if head.event == LEFT}
    arrived = [head for head in heads if head.event == ARRIVED and head.sha not in left]
    return max(arrived, key=lambda head: head.received_at).sha if arrived else ""


class Ahead:
    """Fills the memory of ``content``. Whatever fails here fails again, and is told, where it is really wanted."""

    def __init__(self, content: RepositoryContent, reading: Reading) -> None:
        self._content = content
        self._reading = reading
        self._tasks: set[asyncio.Task[Any]] = set()

    def releases(self, github: GitHub, repository: tuple[int, str], paths: Iterable[str], commit: str) -> None:
        """The manifests at these paths and every file that they name."""
        for path in paths:
            if not self._content.has_file(repository, path, commit):
                self._start(self._release(github, repository, path, commit))

    def pull(self, github: GitHub, repository: tuple[int, str], pull: Pull) -> asyncio.Task[None] | None:
        """The tree of the head and the commits; done when both are there or have failed, None if they are."""
        if self._content.has_pull(repository, pull.number, pull.head_sha, pull.base_ref):
            return None
        tree = self._content.tree(github, repository, pull.head_sha)
        commits = self._content.pull_commits(github, repository, pull)
        return self._start(_both(tree, commits))

    async def _release(self, github: GitHub, repository: tuple[int, str], path: str, commit: str) -> None:
        text = await self._content.begin(github, repository, path, commit, MAX_RELEASE_BYTES)
        if text is None or path == POLICY_PATH:
            return
        try:
            release = self._reading.release(text, path)
        except ManifestError:
            return
        for named in referenced_paths(release, path):
            self._content.begin(github, repository, named, commit, MAX_FILE_BYTES)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _both(tree: Coroutine[Any, Any, Any], commits: Coroutine[Any, Any, Any]) -> None:
    await asyncio.gather(tree, commits, return_exceptions=True)
