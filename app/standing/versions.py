"""Whether a version of a policy counts, for whoever reads the policy over a branch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from app.db.database import Database
from app.pulls.store import Repository
from app.rebuild.memory import Memory
from app.rebuild.settled import settled
from app.standing import store
from app.standing.model import Standing
from gates.words import short
from manifests.policy import POLICY_PATH

Differs = Callable[[Sequence[str]], None]


class Version(msgspec.Struct, frozen=True):
    """The policy's bytes on a branch of a repository, by their SHA-256, and the newest commit there."""

    repository: Repository
    base_ref: str
    commit: str
    sha256: str


class Versions:
    """Shared by all who read policies. ``on_difference`` is told of rows that the log does not bear out."""

    def __init__(self, database: Database, memory: Memory, on_difference: Differs) -> None:
        self._database = database
        self._memory = memory
        self._differs = on_difference

    async def standing(self, tenant: str, repository_id: int, sha256: str) -> Standing:
        found = await settled(
            self._database,
            partial(store.standing, memory=self._memory, log=tenant, repository_id=repository_id, sha256=sha256),
            lambda one: bool(one.differences),
        )
        self._differs(found.differences)
        return found

    async def unreleased(self, tenant: str, version: Version) -> str:
        """Why the version counts for nothing, in sentences; empty when it counts."""
        found = await self.standing(tenant, version.repository.id, version.sha256)
        return "" if found.counts else sentence(version, found)


def sentence(version: Version, found: Standing) -> str:
    """Expected, found, and what to do."""
    where = f"{POLICY_PATH} on {version.base_ref} at {short(version.commit)} (SHA-256 {version.sha256})"
    if found.differences:
        return f"{where} counts for nothing while the table and the log differ: {found.differences[0]}"
    expected = (
        f"Expected a version of {POLICY_PATH} on {version.base_ref} that was released under four eyes or adopted by two"
        f" stewards, found the one with SHA-256 {version.sha256} at {short(version.commit)},"
    )
    proposed = found.step("proposed")
    state = f" which {proposed.by} proposed and nobody has confirmed." if proposed else " which is neither."
    adopt = f"countersign policy adopt {version.repository.name} --branch {version.base_ref}"
    return (
        f"{expected}{state} Release it by a pull request that Countersign allows, or let"
        f" {'a second steward' if proposed else 'two stewards'} run {adopt}."
    )
