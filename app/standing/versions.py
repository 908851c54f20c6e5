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
from app.standing.model import Branch
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

    async def branch(self, tenant: str, repository_id: int, base_ref: str) -> Branch:
        found = await settled(
            self._database,
            partial(store.branch, memory=self._memory, log=tenant, repository_id=repository_id, base_ref=base_ref),
            lambda one: bool(one.differences),
        )
        self._differs(found.differences)
        return found

    async def unreleased(self, tenant: str, version: Version) -> str:
        """Why the version counts for nothing, in sentences; empty when it counts."""
        found = await self.branch(tenant, version.repository.id, version.base_ref)
        return "" if found.counts(version.sha256) else sentence(version, found)


def sentence(version: Version, found: Branch) -> str:
    """Expected, found, and what to do."""
    where = f"{POLICY_PATH} on {version.base_ref} at {short(version.commit)} (SHA-256 {version.sha256})"
    if found.differences:
        return f"{where} counts for nothing while the table and the log differ: {found.differences[0]}"
    proposed, newest = found.proposed(version.sha256), found.newest
    again = " again" if found.state(version.sha256) == "superseded" else ""
    back = f"Put back the one that counts, with SHA-256 {newest.sha256}, or release" if newest else "Release"
    return (
        f"Expected a version of {POLICY_PATH} on {version.base_ref} that was released under four eyes or adopted by two"
        f" stewards, and none since, found the one with SHA-256 {version.sha256} at {short(version.commit)},"
        f" {_state(version, found)}. {back} this one{again} by a pull request that Countersign allows, or let"
        f" {'a second steward' if proposed else 'two stewards'} run countersign policy adopt {version.repository.name}"
        f" --branch {version.base_ref}."
    )


def _state(version: Version, found: Branch) -> str:
    if proposed := found.proposed(version.sha256):
        return f"which {proposed.by} proposed and nobody has confirmed"
    if found.newest is None:
        return f"which is neither; no version was ever released or adopted for {version.base_ref}"
    if found.state(version.sha256) == "superseded":
        return "which another one took the place of: putting it back does not make it count again"
    return "which is neither"
